import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { deflateSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  ada,
  type GitClient,
  type InProcessHub,
  newGitClient,
  startInProcessHub,
} from '../../../test/in-process-hub.ts'
import { encodeLfsPointer } from '../../formats/lfs-pointer.ts'
import { encodePackEntryHeader } from '../../formats/packfile.ts'
import { encodePktLine, encodePktMarker } from '../../formats/pktline.ts'
import { MalformedInput } from '../../kernel/errors.ts'
import type { Repository } from '../../kernel/repository.ts'
import { answerPush } from './answer-push.ts'
import { makeCommit } from './make-commit.ts'
import { allRefs, packsOf } from './store.ts'

let hub: InProcessHub
let git: GitClient
let repo: Repository
let serial = 0

beforeAll(async () => {
  hub = await startInProcessHub()
})
afterAll(() => hub.close())

/** A repository and a clone of it in the folder `work`. */
beforeEach(async () => {
  git = await newGitClient(hub)
  repo = await hub.createRepo(`repo-${serial++}`)
  await git.run('clone', '-q', hub.urlOf(repo), 'work')
  hub.events.length = 0
})

const push = (...args: string[]) => git.run('-C', 'work', 'push', ...args)
const refusedPush = async (...args: string[]) => {
  const { code, stderr } = await git.attempt('-C', 'work', 'push', ...args)
  expect(code).not.toBe(0)
  return stderr
}
const refs = async () =>
  Object.fromEntries((await allRefs(hub.parts.database.sql, repo.id)).map(ref => [ref.name, ref.oid]))
const packIds = async () => (await packsOf(hub.parts.database.sql, repo.id)).map(pack => pack.packId)
const storedKeys = async () => {
  const keys = []
  for await (const { key } of hub.parts.objects.list(`repos/${repo.id}/`)) keys.push(key)
  return keys
}

/** Nothing of a refused push may stay: no ref, no row, no object, no file. */
async function expectNothingChanged(work: () => Promise<unknown>): Promise<void> {
  const before = [await refs(), await packIds(), await storedKeys()]
  await work()
  expect([await refs(), await packIds(), await storedKeys()]).toEqual(before)
  expect(hub.events).toEqual([])
  expect(await readdir(join(hub.parts.mirror.folder, 'scratch'))).toEqual([])
}

describe('git push over smart HTTP', () => {
  it('moves main, tells of it, and the API reads it', async () => {
    const before = (await refs())['refs/heads/main']
    const head = await git.commit('work', { 'folder/a.txt': 'one' })
    await push('-q', 'origin', 'main')
    expect((await refs())['refs/heads/main']).toBe(head)
    expect(hub.events).toEqual([
      { name: 'ref-moved', facts: { repoId: repo.id, ref: 'refs/heads/main', before, after: head } },
    ])
    const commit = await hub.parts.git.commit(repo.id, head)
    const root = await hub.parts.git.tree(repo.id, commit.tree)
    const folder = await hub.parts.git.tree(repo.id, root.byName.get('folder')?.oid ?? '')
    const blob = await hub.parts.git.read(repo.id, folder.byName.get('a.txt')?.oid ?? '')
    expect(Buffer.from(blob.content).toString()).toBe('one')
    expect(await readdir(join(hub.parts.mirror.folder, 'scratch'))).toEqual([])
  })

  it('goes to and fro with commits by the API', async () => {
    await git.commit('work', { 'a.txt': 'one' })
    await push('-q', 'origin', 'main')
    const head = await makeCommit(hub.parts, ada, repo, 'main', apiCommit('b.txt', 'two'))
    await git.run('-C', 'work', 'pull', '-q', '--ff-only')
    expect(await git.run('-C', 'work', 'rev-parse', 'HEAD')).toBe(head)
    const next = await git.commit('work', { 'b.txt': 'three' })
    await push('-q', 'origin', 'main')
    expect((await refs())['refs/heads/main']).toBe(next)
    await git.run('clone', '-q', hub.urlOf(repo, 'nobody'), 'fresh')
    expect(await git.run('-C', 'fresh', 'fsck', '--strict', '--full')).toBe('')
  })

  it('creates a branch with new objects, and one without', async () => {
    const head = await git.commit('work', { 'a.txt': 'one' })
    await push('-q', 'origin', 'HEAD:refs/heads/with/new')
    const packs = await packIds()
    await push('-q', 'origin', 'HEAD:refs/heads/without')
    expect(await refs()).toMatchObject({ 'refs/heads/with/new': head, 'refs/heads/without': head })
    expect(await packIds()).toEqual(packs)
  })

  it('takes light tags and annotated ones, and knows the commit behind', async () => {
    const head = await git.commit('work', { 'a.txt': 'one' })
    await git.run('-C', 'work', 'tag', 'light')
    await git.run('-C', 'work', 'tag', '-am', 'first', 'v1')
    await git.run('-C', 'work', 'tag', '-am', 'of a tag', 'v2', 'v1')
    await push('-q', 'origin', 'main', '--tags')
    const tags = (await allRefs(hub.parts.database.sql, repo.id)).filter(ref =>
      ref.name.startsWith('refs/tags/'),
    )
    expect(tags.map(ref => ref.commitId)).toEqual([head, head, head])
    expect(tags.map(ref => ref.oid)).toEqual([
      head,
      await git.run('-C', 'work', 'rev-parse', 'v1'),
      await git.run('-C', 'work', 'rev-parse', 'v2'),
    ])
    const listed = await git.run('ls-remote', '--tags', hub.urlOf(repo, 'nobody'))
    expect(listed).toContain(`${head}\trefs/tags/v1^{}`)
    expect(listed).toContain(`${head}\trefs/tags/v2^{}`)
  })

  it('takes only tags of commits', async () => {
    await git.run('-C', 'work', 'tag', '-am', 'a tree', 'tree', 'HEAD^{tree}')
    await git.run('-C', 'work', 'tag', 'blob', 'HEAD:.gitattributes')
    await expectNothingChanged(async () => {
      const said = await refusedPush('origin', 'tree', 'blob', 'tree^{}:refs/heads/tree')
      expect(said.match(/a tag must be of a commit/g)).toHaveLength(2)
      expect(said).toContain('a branch must be at a commit, not at a tree')
    })
  })

  it('refuses what is not a fast forward until it is forced', async () => {
    await git.commit('work', { 'a.txt': 'one' })
    await push('-q', 'origin', 'main')
    await git.run('-C', 'work', 'reset', '-q', '--hard', 'HEAD~1')
    const other = await git.commit('work', { 'a.txt': 'other' })
    expect(await refusedPush('origin', 'main')).toContain('non-fast-forward')
    await push('-q', '--force', 'origin', 'main')
    expect((await refs())['refs/heads/main']).toBe(other)
  })

  it('deletes a branch and a tag, but not main', async () => {
    await push('-q', 'origin', 'HEAD:refs/heads/gone', 'HEAD:refs/tags/gone')
    hub.events.length = 0
    await push('-q', 'origin', '--delete', 'refs/heads/gone', 'refs/tags/gone')
    expect(Object.keys(await refs())).toEqual(['refs/heads/main'])
    expect(hub.events.map(({ facts }) => facts)).toEqual([
      { repoId: repo.id, ref: 'refs/heads/gone', before: expect.any(String) },
      { repoId: repo.id, ref: 'refs/tags/gone', before: expect.any(String) },
    ])
    hub.events.length = 0
    await expectNothingChanged(async () => {
      expect(await refusedPush('origin', '--delete', 'main')).toContain('Cannot delete refs/heads/main')
    })
  })

  it('writes branches and tags only', async () => {
    await expectNothingChanged(async () => {
      const said = await refusedPush('origin', 'HEAD:refs/pr/1', 'HEAD:refs/heads/HEAD')
      expect(said).toContain('only refs/heads/* and refs/tags/* can be pushed')
      expect(said).toContain('already means the current commit')
    })
  })

  it('refuses a branch that would be a folder of another', async () => {
    await push('-q', 'origin', 'HEAD:refs/heads/a/b')
    const said = await refusedPush('origin', 'HEAD:refs/heads/a', 'HEAD:refs/heads/fine')
    expect(said).toContain('cannot be beside refs/heads/a/b')
    expect(Object.keys(await refs())).toEqual(['refs/heads/a/b', 'refs/heads/fine', 'refs/heads/main'])
    expect(await refusedPush('origin', 'HEAD:refs/heads/a/b/c')).toContain('cannot be beside refs/heads/a/b')
  })

  it('moves each ref on its own, but all or none when atomic', async () => {
    await git.commit('work', { 'a.txt': 'one' })
    await expectNothingChanged(async () => {
      const said = await refusedPush('--atomic', 'origin', 'main', 'HEAD:refs/pr/1')
      expect(said).toContain('the push is atomic')
    })
    expect(await refusedPush('origin', 'main', 'HEAD:refs/pr/1')).toContain('only refs/heads/*')
    expect((await refs())['refs/heads/main']).toBe(await git.run('-C', 'work', 'rev-parse', 'HEAD'))
  })

  it('lets one of two pushes to a branch win', async () => {
    const contenders = await Promise.all(
      ['x', 'y', 'z'].map(async name => {
        await git.run('clone', '-q', hub.urlOf(repo), name)
        const head = await git.commit(name, { 'a.txt': name })
        return { name, head }
      }),
    )
    const results = await Promise.all(
      contenders.map(async ({ name, head }) => ({
        head,
        ...(await git.attempt('-C', name, 'push', 'origin', 'main')),
      })),
    )
    const won = results.filter(result => result.code === 0)
    expect(won).toHaveLength(1)
    expect((await refs())['refs/heads/main']).toBe(won[0]?.head)
    for (const { stderr } of results.filter(result => result.code !== 0))
      expect(stderr).toMatch(/fetch first/)
    expect(hub.events).toHaveLength(1)
  })

  it('takes a commit from a shallow clone', async () => {
    await git.commit('work', { 'a.txt': 'one' })
    await push('-q', 'origin', 'main')
    await git.run('clone', '-q', '--depth', '1', hub.urlOf(repo), 'shallow')
    const head = await git.commit('shallow', { 'a.txt': 'two' })
    await git.run('-C', 'shallow', 'push', '-q', 'origin', 'main')
    expect((await refs())['refs/heads/main']).toBe(head)
  })

  it('asks for a password, and lets nobody push elsewhere', async () => {
    await git.commit('work', { 'a.txt': 'one' })
    await expectNothingChanged(async () => {
      const url = `${hub.urlOf(repo, 'nobody')}/info/refs?service=git-receive-pack`
      const answer = await fetch(url)
      expect(answer.status).toBe(401)
      expect(answer.headers.get('www-authenticate')).toMatch(/^Basic /)
      expect(await refusedPush(hub.urlOf(repo, 'bob'), 'main')).toContain('403')
    })
  })

  it('works without side-band, and answers a push of nothing', async () => {
    const answer = await post('0000')
    expect(answer.status).toBe(200)
    expect(await answer.text()).toBe('')
    const head = (await refs())['refs/heads/main'] as string
    const body = commands(`${'0'.repeat(40)} ${head} refs/heads/plain\0report-status`)
    expect(await (await post(Buffer.concat([body, emptyPack()]))).text()).toBe(
      '000eunpack ok\n0018ok refs/heads/plain\n0000',
    )
  })
})

describe('what a push may bring', () => {
  it('names a file that is too large for git', async () => {
    await git.commit('work', { 'models/big file.bin': Buffer.alloc(10 * 1024 * 1024 + 1), 'fits.bin': 'x' })
    await git.commit('work', { 'fits.bin': Buffer.alloc(10 * 1024 * 1024) }, 'the limit itself')
    await expectNothingChanged(async () => {
      const said = await refusedPush('origin', 'main')
      expect(said).toContain(
        'models/big file.bin (10.0 MiB) is larger than 10 MiB; use git-lfs: https://git-lfs.com',
      )
      expect(said).not.toContain('fits.bin')
    })
    await git.run('-C', 'work', 'reset', '-q', '--hard', 'origin/main')
    await git.commit('work', { 'fits.bin': Buffer.alloc(10 * 1024 * 1024) })
    await push('-q', 'origin', 'main')
  })

  it('wants the LFS objects of pointers', async () => {
    const sha256 = createHash('sha256').update(repo.id).digest('hex')
    await git.commit('work', { 'model.bin': encodeLfsPointer({ sha256, size: 1234 }) })
    await expectNothingChanged(async () => {
      const said = await refusedPush('origin', 'main')
      expect(said).toContain(`LFS object ${sha256} of model.bin was not uploaded; run git lfs push --all`)
      hub.held.set(sha256, 99)
      expect(await refusedPush('origin', 'main')).toContain('has 99 bytes, its pointer says 1234')
    })
    hub.held.set(sha256, 1234)
    await push('-q', 'origin', 'main')
    expect(hub.committed).toContain(sha256)
  })

  it('lists what is refused', async () => {
    const files = Array.from({ length: 25 }, (_, at) => [
      `p${at}`,
      encodeLfsPointer({ sha256: createHash('sha256').update(`${repo.id}${at}`).digest('hex'), size: 5 }),
    ])
    await git.commit('work', Object.fromEntries(files))
    const said = await refusedPush('origin', 'main')
    expect(said.match(/remote: LFS object/g)).toHaveLength(20)
    expect(said).toContain('remote: and 5 more')
    expect(said).toContain('(and 24 more)')
  })

  it.each([
    ['.git', '40000 tree', 'hasDotgit'],
    ['.GiT', '40000 tree', 'hasDotgit'],
    ['git~1', '40000 tree', 'hasDotgit'],
    ['..', '40000 tree', 'hasDotdot'],
    ['a\\b', '100644 blob', 'must not contain'],
    ['x\u0001y', '100644 blob', 'control characters'],
  ])('refuses the name %j in a tree', async (name, entry, reason) => {
    const blob = await git.run('-C', 'work', 'rev-parse', 'HEAD:.gitattributes')
    const config = await tree(`100644 blob ${blob}\tconfig`)
    const [mode = '', type] = entry.split(' ')
    const head = await commitTree(await rawTree([[mode, name, type === 'tree' ? config : blob]]))
    await expectNothingChanged(async () => {
      expect(await refusedPush('origin', `${head}:refs/heads/trick`)).toContain(reason)
    })
  })

  it('takes symbolic links and submodules as they are', async () => {
    const link = await object('blob', '../../etc/passwd')
    const head = await commitTree(
      await tree(`120000 blob ${link}\tlink`, `160000 commit ${'1'.repeat(40)}\tsub`),
    )
    await push('-q', 'origin', `${head}:refs/heads/links`)
    const listed = await hub.parts.git.tree(repo.id, (await hub.parts.git.commit(repo.id, head)).tree)
    expect(listed.entries.map(({ mode, name }) => `${mode} ${name}`)).toEqual(['120000 link', '160000 sub'])
  })

  it('refuses a submodule whose address would run a command', async () => {
    const modules = '[submodule "x"]\n\tpath = x\n\turl = --upload-pack=touch pwned\n'
    const head = await commitTree(await tree(`100644 blob ${await object('blob', modules)}\t.gitmodules`))
    await expectNothingChanged(async () => {
      expect(await refusedPush('origin', `${head}:refs/heads/trick`)).toContain('gitmodulesUrl')
    })
  })

  it('takes the oddities of old histories', async () => {
    const root = await git.run('-C', 'work', 'rev-parse', 'HEAD^{tree}')
    const blob = await git.run('-C', 'work', 'rev-parse', 'HEAD:.gitattributes')
    const padded = await rawTree([
      ['100664', 'a', blob],
      ['040000', 'folder', root],
    ])
    const heads = []
    for (const [treeId, who] of [
      [root, 'Ada <ada@example.org> 1 +051800'],
      [root, 'Ada <ada@example.org>1 +0000'],
      [root, 'ada@example.org 1 +0000'],
      [padded, 'Ada <ada@example.org> 01 +0000'],
    ]) {
      heads.push(await object('commit', `tree ${treeId}\nauthor ${who}\ncommitter ${who}\n\nold\n`))
    }
    await push('-q', 'origin', ...heads.map((head, at) => `${head}:refs/heads/old-${at}`))
    expect(Object.keys(await refs())).toHaveLength(5)
    await git.run('clone', '-q', hub.urlOf(repo, 'nobody'), 'fresh')
  })

  it('refuses a pack in which a blob is missing', async () => {
    const head = await git.commit('work', { 'a.txt': 'one', 'b.txt': 'two' })
    const blob = await git.run('-C', 'work', 'rev-parse', 'HEAD:b.txt')
    const pack = await packOf(head, oid => oid !== blob)
    await expectNothingChanged(async () => {
      const said = await (await pushPack(head, pack)).text()
      expect(said).toContain(blob)
      expect(said).toContain('ng refs/heads/raw')
      expect(said).not.toContain('unpack ok')
    })
  })

  it('refuses a missing object that only an object without a ref needs', async () => {
    const fine = await git.run('-C', 'work', 'rev-parse', 'HEAD')
    const head = await git.commit('work', { 'a.txt': 'one' })
    const blob = await git.run('-C', 'work', 'rev-parse', 'HEAD:a.txt')
    const pack = await packOf(head, oid => oid !== blob)
    await expectNothingChanged(async () => {
      expect(await (await pushPack(fine, pack)).text()).toContain(blob)
    })
  })

  it('refuses a ref to an object that was not sent', async () => {
    await expectNothingChanged(async () => {
      const said = await (await pushPack('1'.repeat(40), emptyPack())).text()
      expect(said).toContain(`object ${'1'.repeat(40)} was not sent and is not here`)
    })
  })

  it('refuses a pack that is cut, damaged or none', async () => {
    const head = await git.commit('work', { 'a.txt': 'one '.repeat(1000) })
    const pack = await packOf(head, () => true)
    const damaged = Buffer.from(pack)
    damaged[30] = (damaged[30] ?? 0) ^ 1
    await expectNothingChanged(async () => {
      for (const bad of [
        pack.subarray(0, -30),
        pack.subarray(0, 40),
        damaged,
        Buffer.from('PACK'),
        Buffer.alloc(50),
      ]) {
        const said = await (await pushPack(head, bad)).text()
        expect(said).toContain('ng refs/heads/raw')
        expect(said).not.toContain('unpack ok')
        expect(said).not.toContain(hub.folder)
      }
    })
    expect(await (await pushPack(head, pack)).text()).toContain('ok refs/heads/raw')
  })

  it('refuses a line that breaks, with nothing stored', async () => {
    const head = await git.commit('work', { 'a.txt': 'one' })
    const pack = await packOf(head, () => true)
    await expectNothingChanged(async () => {
      const said = await answerTo(head, async function* () {
        yield pack.subarray(0, -1)
        throw new MalformedInput('request body', 'ended before its declared length')
      })
      expect(said).toContain('ng refs/heads/raw request body: ended before its declared length')
    })
  })

  it('refuses a pack over the limit, and hears the client out', async () => {
    const head = await git.commit('work', { 'a.txt': 'one' })
    const pack = await packOf(head, () => true)
    let isHeard = false
    await expectNothingChanged(async () => {
      const limit = pack.length - 1
      const said = await answerTo(
        head,
        async function* () {
          yield pack
          yield pack.subarray(0, 1)
          isHeard = true
        },
        { packBytes: limit, silenceMs: 5_000 },
      )
      expect(said).toContain(`unpack the pack of one push is over the limit of ${limit} bytes`)
    })
    expect(isHeard).toBe(true)
  })

  it('says what it is doing while that takes long', async () => {
    const sha256 = createHash('sha256').update(repo.id).digest('hex')
    const head = await git.commit('work', { 'model.bin': encodeLfsPointer({ sha256, size: 1 }) })
    const pack = await packOf(head, () => true)
    hub.held.set(sha256, 1)
    hub.slowDown(50)
    const limits = { packBytes: pack.length, silenceMs: 5 }
    const said = await answerTo(
      head,
      async function* () {
        yield pack
      },
      limits,
      'report-status side-band-64k',
    )
    hub.slowDown(0)
    expect(said).toContain('\u0002Checking objects ...\n')
    expect(said).toContain('ok refs/heads/raw')
  })

  it('refuses a path that no checkout could hold', async () => {
    const blob = await git.run('-C', 'work', 'rev-parse', 'HEAD:.gitattributes')
    let folder = await tree(`100644 blob ${blob}\tx`)
    for (let depth = 0; depth < 21; depth++) folder = await tree(`040000 tree ${folder}\t${'n'.repeat(200)}`)
    const head = await commitTree(folder)
    await expectNothingChanged(async () => {
      expect(await refusedPush('origin', `${head}:refs/heads/deep`)).toContain('over the limit of 4096 bytes')
    })
  })

  it('refuses an object that says to be larger than memory', async () => {
    const head = Buffer.from('5041434b0000000200000001', 'hex')
    const entry = Buffer.concat([
      encodePackEntryHeader({ type: 'commit', size: 2 ** 40 }),
      deflateSync('tree'),
    ])
    await expectNothingChanged(async () => {
      const said = await (
        await pushPack('1'.repeat(40), Buffer.concat([head, entry, Buffer.alloc(20)]))
      ).text()
      expect(said).toContain('over limit')
    })
  })

  it('refuses a pack that says to have too many objects', async () => {
    const head = Buffer.from('5041434b00000002ffffffff', 'hex')
    await expectNothingChanged(async () => {
      const said = await (await pushPack('1'.repeat(40), Buffer.concat([head, Buffer.alloc(40)]))).text()
      expect(said).toContain('one push is over the limit of 2000000 objects (found 4294967295)')
    })
  })

  it('takes the same pack twice', async () => {
    const head = await git.commit('work', { 'a.txt': 'one' })
    const pack = await packOf(head, () => true)
    await pushPack(head, pack)
    const ids = await packIds()
    expect(await (await pushPack(head, pack, 'refs/heads/again')).text()).toContain('ok refs/heads/again')
    expect(await packIds()).toEqual(ids)
  })
})

const headers = {
  'content-type': 'application/x-git-receive-pack-request',
  authorization: `Basic ${Buffer.from('ada:secret').toString('base64')}`,
}

function post(body: string | Buffer): Promise<Response> {
  const bytes = new Uint8Array(Buffer.from(body))
  return fetch(`${hub.urlOf(repo, 'nobody')}/git-receive-pack`, { method: 'POST', headers, body: bytes })
}

function commands(...lines: string[]): Buffer {
  return Buffer.concat([...lines.map(line => encodePktLine(line)), encodePktMarker('flush')])
}

/** Creates one branch at `oid`. */
function pushPack(oid: string, pack: Uint8Array, ref = 'refs/heads/raw'): Promise<Response> {
  return post(Buffer.concat([commands(`${'0'.repeat(40)} ${oid} ${ref}\0report-status`), pack]))
}

/** Answers a push whose pack comes as `body` says, without HTTP. */
async function answerTo(
  head: string,
  body: () => AsyncIterable<Uint8Array>,
  limits?: Parameters<typeof answerPush>[4],
  words = 'report-status',
): Promise<string> {
  async function* whole() {
    yield commands(`${'0'.repeat(40)} ${head} refs/heads/raw\0${words}`)
    yield* body()
  }
  const onFault = (error: unknown) => {
    throw error
  }
  let said = ''
  for await (const piece of await answerPush(hub.parts, repo, whole(), onFault, limits)) {
    said += Buffer.from(piece).toString()
  }
  return said
}

function emptyPack(): Buffer {
  const head = Buffer.from('5041434b0000000200000000', 'hex')
  return Buffer.concat([head, createHash('sha1').update(head).digest()])
}

/** What git would send for `head`, but for the objects that `wanted` leaves out. */
async function packOf(head: string, wanted: (oid: string) => boolean): Promise<Buffer> {
  const listed = await git.run('-C', 'work', 'rev-list', '--objects', head, '--not', 'origin/main')
  const oids = listed.split('\n').map(line => line.slice(0, 40))
  const hash = await gitWithInput(['pack-objects', '-q', 'sent'], `${oids.filter(wanted).join('\n')}\n`)
  return readFile(join(git.home, 'work', `sent-${hash}.pack`))
}

function object(type: string, content: string | Uint8Array): Promise<string> {
  return gitWithInput(['hash-object', '-w', '--literally', '--stdin', '-t', type], content)
}

function tree(...lines: string[]): Promise<string> {
  return gitWithInput(['mktree', '--missing'], `${lines.join('\n')}\n`)
}

/** A tree that git itself would not write. */
function rawTree(entries: [mode: string, name: string, oid: string][]): Promise<string> {
  return object(
    'tree',
    Buffer.concat(
      entries.flatMap(([mode, name, oid]) => [Buffer.from(`${mode} ${name}\0`), Buffer.from(oid, 'hex')]),
    ),
  )
}

function commitTree(treeId: string): Promise<string> {
  const who = 'Ada <ada@example.org> 1700000000 +0000'
  return object('commit', `tree ${treeId}\nauthor ${who}\ncommitter ${who}\n\ntrick\n`)
}

async function gitWithInput(args: string[], input: string | Uint8Array): Promise<string> {
  return (await git.runWithInput(input, '-C', 'work', ...args)).trim()
}

async function* apiCommit(path: string, content: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(`${JSON.stringify({ key: 'header', value: { summary: `add ${path}` } })}\n`)
  yield Buffer.from(`${JSON.stringify({ key: 'file', value: { path, content, encoding: 'utf-8' } })}\n`)
}
