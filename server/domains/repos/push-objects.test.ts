import { createHash } from 'node:crypto'
import { deflateSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { ada } from '../../../test/in-process-hub.ts'
import { creation, emptyPack, PushStage } from '../../../test/push-stage.ts'
import { encodeLfsPointer } from '../../formats/lfs-pointer.ts'
import { encodePackEntryHeader } from '../../formats/packfile.ts'
import { MalformedInput } from '../../kernel/errors.ts'
import { answerPush } from './answer-push.ts'

const stage = new PushStage()

describe('what a push may bring', () => {
  it('names a file that is too large for git', async () => {
    await stage.git.commit('work', {
      'models/big file.bin': Buffer.alloc(10 * 1024 * 1024 + 1),
      'fits.bin': 'x',
    })
    await stage.git.commit('work', { 'fits.bin': Buffer.alloc(10 * 1024 * 1024) }, 'the limit itself')
    await stage.expectNothingChanged(async () => {
      const said = await stage.refusedPush('origin', 'main')
      expect(said).toContain(
        'models/big file.bin (10.0 MiB) is larger than 10 MiB; use git-lfs: https://git-lfs.com',
      )
      expect(said).not.toContain('fits.bin')
    })
    await stage.git.run('-C', 'work', 'reset', '-q', '--hard', 'origin/main')
    await stage.git.commit('work', { 'fits.bin': Buffer.alloc(10 * 1024 * 1024) })
    await stage.push('origin', 'main')
  })

  it('wants the LFS objects of pointers', async () => {
    const sha256 = createHash('sha256').update(stage.repo.id).digest('hex')
    await stage.git.commit('work', { 'model.bin': encodeLfsPointer({ sha256, size: 1234 }) })
    await stage.expectNothingChanged(async () => {
      const said = await stage.refusedPush('origin', 'main')
      expect(said).toContain(`LFS object ${sha256} of model.bin was not uploaded; run git lfs push --all`)
      stage.hub.held.set(sha256, 99)
      expect(await stage.refusedPush('origin', 'main')).toContain('has 99 bytes, its pointer says 1234')
    })
    stage.hub.held.set(sha256, 1234)
    await stage.push('origin', 'main')
    expect(stage.hub.committed).toContain(sha256)
  })

  it('lists what is refused', async () => {
    const files = Array.from({ length: 25 }, (_, at) => [
      `p${at}`,
      encodeLfsPointer({
        sha256: createHash('sha256').update(`${stage.repo.id}${at}`).digest('hex'),
        size: 5,
      }),
    ])
    await stage.git.commit('work', Object.fromEntries(files))
    const said = await stage.refusedPush('origin', 'main')
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
    const blob = await stage.git.run('-C', 'work', 'rev-parse', 'HEAD:.gitattributes')
    const config = await stage.git.tree('work', `100644 blob ${blob}\tconfig`)
    const [mode = '', type] = entry.split(' ')
    const head = await stage.git.commitTree(
      'work',
      await stage.git.rawTree('work', [[mode, name, type === 'tree' ? config : blob]]),
    )
    await stage.expectNothingChanged(async () => {
      expect(await stage.refusedPush('origin', `${head}:refs/heads/trick`)).toContain(reason)
    })
  })

  it('takes symbolic links and submodules as they are', async () => {
    const link = await stage.git.object('work', 'blob', '../../etc/passwd')
    const head = await stage.git.commitTree(
      'work',
      await stage.git.tree('work', `120000 blob ${link}\tlink`, `160000 commit ${'1'.repeat(40)}\tsub`),
    )
    await stage.push('origin', `${head}:refs/heads/links`)
    const listed = await stage.hub.parts.git.tree(
      stage.repo.id,
      (await stage.hub.parts.git.commit(stage.repo.id, head)).tree,
    )
    expect(listed.entries().map(({ mode, name }) => `${mode} ${name}`)).toEqual(['120000 link', '160000 sub'])
  })

  it('refuses a submodule whose address would run a command', async () => {
    const modules = '[submodule "x"]\n\tpath = x\n\turl = --upload-pack=touch pwned\n'
    const head = await stage.git.commitTree(
      'work',
      await stage.git.tree(
        'work',
        `100644 blob ${await stage.git.object('work', 'blob', modules)}\t.gitmodules`,
      ),
    )
    await stage.expectNothingChanged(async () => {
      expect(await stage.refusedPush('origin', `${head}:refs/heads/trick`)).toContain('gitmodulesUrl')
    })
  })

  it('takes the oddities of old histories', async () => {
    const root = await stage.git.run('-C', 'work', 'rev-parse', 'HEAD^{tree}')
    const blob = await stage.git.run('-C', 'work', 'rev-parse', 'HEAD:.gitattributes')
    const padded = await stage.git.rawTree('work', [
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
      heads.push(
        await stage.git.object('work', 'commit', `tree ${treeId}\nauthor ${who}\ncommitter ${who}\n\nold\n`),
      )
    }
    await stage.push('origin', ...heads.map((head, at) => `${head}:refs/heads/old-${at}`))
    expect(Object.keys(await stage.refs())).toHaveLength(5)
    await stage.git.run('clone', '-q', stage.hub.urlOf(stage.repo, 'nobody'), 'fresh')
  })

  it('refuses a pack in which a blob is missing', async () => {
    const head = await stage.git.commit('work', { 'a.txt': 'one', 'b.txt': 'two' })
    const blob = await stage.git.run('-C', 'work', 'rev-parse', 'HEAD:b.txt')
    const pack = await stage.git.packOf('work', head, oid => oid !== blob)
    await stage.expectNothingChanged(async () => {
      const said = await stage.pushPack(head, pack)
      expect(said).toContain(blob)
      expect(said).toContain('ng refs/heads/raw')
      expect(said).not.toContain('unpack ok')
    })
  })

  it('refuses a missing object that only an object without a ref needs', async () => {
    const fine = await stage.git.run('-C', 'work', 'rev-parse', 'HEAD')
    const head = await stage.git.commit('work', { 'a.txt': 'one' })
    const blob = await stage.git.run('-C', 'work', 'rev-parse', 'HEAD:a.txt')
    const pack = await stage.git.packOf('work', head, oid => oid !== blob)
    await stage.expectNothingChanged(async () => {
      expect(await stage.pushPack(fine, pack)).toContain(blob)
    })
  })

  it('refuses a ref to an object that was not sent', async () => {
    await stage.expectNothingChanged(async () => {
      const said = await stage.pushPack('1'.repeat(40), emptyPack())
      expect(said).toContain(`object ${'1'.repeat(40)} was not sent and is not here`)
    })
  })

  it('refuses a pack that is cut, damaged or none', async () => {
    const head = await stage.git.commit('work', { 'a.txt': 'one '.repeat(1000) })
    const pack = await stage.git.packOf('work', head)
    const damaged = Buffer.from(pack)
    damaged[30] = (damaged[30] ?? 0) ^ 1
    await stage.expectNothingChanged(async () => {
      for (const bad of [
        pack.subarray(0, -30),
        pack.subarray(0, 40),
        damaged,
        Buffer.from('PACK'),
        Buffer.alloc(50),
      ]) {
        const said = await stage.pushPack(head, bad)
        expect(said).toContain('ng refs/heads/raw')
        expect(said).not.toContain('unpack ok')
        expect(said).not.toContain(stage.hub.folder)
      }
    })
    expect(await stage.pushPack(head, pack)).toContain('ok refs/heads/raw')
  })

  it('refuses a line that breaks, with nothing stored', async () => {
    const head = await stage.git.commit('work', { 'a.txt': 'one' })
    const pack = await stage.git.packOf('work', head)
    await stage.expectNothingChanged(async () => {
      const said = await answerTo(head, async function* () {
        yield pack.subarray(0, -1)
        throw new MalformedInput('request body', 'ended before its declared length')
      })
      expect(said).toContain('ng refs/heads/raw request body: ended before its declared length')
    })
  })

  it('refuses a pack over the limit, and hears the client out', async () => {
    const head = await stage.git.commit('work', { 'a.txt': 'one' })
    const pack = await stage.git.packOf('work', head)
    let isHeard = false
    await stage.expectNothingChanged(async () => {
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
    const sha256 = createHash('sha256').update(stage.repo.id).digest('hex')
    const head = await stage.git.commit('work', { 'model.bin': encodeLfsPointer({ sha256, size: 1 }) })
    const pack = await stage.git.packOf('work', head)
    stage.hub.held.set(sha256, 1)
    stage.hub.slowDown(50)
    const limits = { packBytes: pack.length, silenceMs: 5 }
    const said = await answerTo(
      head,
      async function* () {
        yield pack
      },
      limits,
      'report-status side-band-64k',
    )
    stage.hub.slowDown(0)
    expect(said).toContain('\u0002Checking objects ...\n')
    expect(said).toContain('ok refs/heads/raw')
  })

  it('refuses a path that no checkout could hold', async () => {
    const blob = await stage.git.run('-C', 'work', 'rev-parse', 'HEAD:.gitattributes')
    let folder = await stage.git.tree('work', `100644 blob ${blob}\tx`)
    for (let depth = 0; depth < 21; depth++)
      folder = await stage.git.tree('work', `040000 tree ${folder}\t${'n'.repeat(200)}`)
    const head = await stage.git.commitTree('work', folder)
    await stage.expectNothingChanged(async () => {
      expect(await stage.refusedPush('origin', `${head}:refs/heads/deep`)).toContain(
        'over the limit of 4096 bytes',
      )
    })
  })

  it('refuses an object that says to be larger than memory', async () => {
    const head = Buffer.from('5041434b0000000200000001', 'hex')
    const entry = Buffer.concat([
      encodePackEntryHeader({ type: 'commit', size: 2 ** 40 }),
      deflateSync('tree'),
    ])
    await stage.expectNothingChanged(async () => {
      const said = await stage.pushPack('1'.repeat(40), Buffer.concat([head, entry, Buffer.alloc(20)]))
      expect(said).toContain('over limit')
    })
  })

  it('refuses a pack that says to have too many objects', async () => {
    const head = Buffer.from('5041434b00000002ffffffff', 'hex')
    await stage.expectNothingChanged(async () => {
      const said = await stage.pushPack('1'.repeat(40), Buffer.concat([head, Buffer.alloc(40)]))
      expect(said).toContain('one push is over the limit of 2000000 objects (found 4294967295)')
    })
  })

  it('takes the same pack twice', async () => {
    const head = await stage.git.commit('work', { 'a.txt': 'one' })
    const pack = await stage.git.packOf('work', head)
    await stage.pushPack(head, pack)
    const ids = await stage.packIds()
    expect(await stage.pushPack(head, pack, 'refs/heads/again')).toContain('ok refs/heads/again')
    expect(await stage.packIds()).toEqual(ids)
  })
})

/** Answers a push whose pack comes as `body` says, without HTTP. */
async function answerTo(
  head: string,
  body: () => AsyncIterable<Uint8Array>,
  limits?: Parameters<typeof answerPush>[5],
  words?: string,
): Promise<string> {
  async function* whole() {
    yield creation(head, 'refs/heads/raw', words)
    yield* body()
  }
  const onFault = (error: unknown) => {
    throw error
  }
  let said = ''
  for await (const piece of await answerPush(stage.hub.parts, ada, stage.repo, whole(), onFault, limits)) {
    said += Buffer.from(piece).toString()
  }
  return said
}
