import { createHash } from 'node:crypto'
import { deflateSync, gzipSync } from 'node:zlib'
import { beforeAll, describe, expect, it } from 'vitest'
import { objectId } from '../../server/formats/git-object.ts'
import {
  encodePackEntryHeader,
  encodePackHeader,
  type PackEntryHeader,
} from '../../server/formats/packfile.ts'
import { encodePktLine, encodePktMarker } from '../../server/formats/pktline.ts'
import { type GitClient, newGitClient } from '../git-client.ts'
import { creation } from '../push-stage.ts'
import { BadInputStage } from './stage.ts'

const stage = new BadInputStage()
const emptyTree = '4b825dc642cb6eb9a060e54bf8d69288fbee4904'
const who = 'Ada <ada@example.org> 1700000000 +0000'
const mebibyte = 1024 * 1024
let git: GitClient
let head: string
let blob: string

beforeAll(async () => {
  git = await newGitClient({ folder: stage.hub.hub.config.data })
  await git.run('clone', '-q', `http://alice:hf_alice@${stage.url.host}/${stage.repo}`, 'work')
  head = await git.run('-C', 'work', 'rev-parse', 'HEAD')
  blob = await git.run('-C', 'work', 'rev-parse', 'HEAD:a.txt')
})

const send = (service: 'upload' | 'receive', body: Uint8Array | string, headers = {}) =>
  stage.alice.post(`/alice/model/git-${service}-pack`, body, {
    'content-type': `application/x-git-${service}-pack-request`,
    ...headers,
  })

const entry = (header: PackEntryHeader, content: Uint8Array) =>
  Buffer.concat([encodePackEntryHeader(header), deflateSync(content)])

function packOf(...entries: Uint8Array[]): Buffer {
  const pack = Buffer.concat([encodePackHeader(entries.length), ...entries])
  return Buffer.concat([pack, createHash('sha1').update(pack).digest()])
}

async function expectRefusedPush(oid: string, pack: Uint8Array, says: RegExp): Promise<void> {
  const answer = await send('receive', Buffer.concat([creation(oid, 'refs/heads/bad'), pack]))
  expect(answer.status).toBe(200)
  expect(answer.text).toMatch(says)
  expect(answer.text).toContain('ng refs/heads/bad')
  expect(answer.text).not.toContain('unpack ok')
  stage.expectNoLeak(answer)
}

const tree = (...entries: [mode: string, name: string, oid: string][]) =>
  Buffer.concat(
    entries.flatMap(([mode, name, oid]) => [Buffer.from(`${mode} ${name}\0`), Buffer.from(oid, 'hex')]),
  )
describe('a pushed object', () => {
  const commit = (text: string) => Buffer.from(text)
  const fine = `tree ${emptyTree}\nauthor ${who}\ncommitter ${who}\n\nm\n`

  it.each<[string, () => ['tree' | 'commit' | 'tag', Uint8Array], RegExp]>([
    [
      'a tree out of order',
      () => ['tree', tree(['100644', 'b', blob], ['100644', 'a', blob])],
      /treeNotSorted/,
    ],
    [
      'a tree with a name twice',
      () => ['tree', tree(['100644', 'a', blob], ['100644', 'a', blob])],
      /duplicateEntries/,
    ],
    ['a tree with a mode that is none', () => ['tree', tree(['999', 'a', blob])], /badTree|mode/],
    ['a tree with no mode', () => ['tree', tree(['', 'a', blob])], /badTree|mode/],
    ['a tree with a null id', () => ['tree', tree(['100644', 'a', '0'.repeat(40)])], /nullSha1|0{40}/],
    [
      'a tree that is cut',
      () => ['tree', tree(['100644', 'a', blob]).subarray(0, -1)],
      /badTree|cut|malformed|too-short/,
    ],
    ['a tree whose folder is a file', () => ['tree', tree(['40000', 'a', blob])], /not a tree|tree|type/],
    [
      'a commit without a tree',
      () => ['commit', commit(fine.slice(fine.indexOf('author')))],
      /missingTree|bogus commit/,
    ],
    ['a commit whose tree is a blob', () => ['commit', commit(fine.replace(emptyTree, blob))], /tree/],
    [
      'a commit whose tree is missing',
      () => ['commit', commit(fine.replace(emptyTree, '1'.repeat(40)))],
      /1{40}|missing/,
    ],
    [
      'a commit whose parent is missing',
      () => ['commit', commit(fine.replace('author', `parent ${'1'.repeat(40)}\nauthor`))],
      /1{40}|missing/,
    ],
    [
      'a commit whose parent is none',
      () => ['commit', commit(fine.replace('author', 'parent main\nauthor'))],
      /badParent|bad parents/,
    ],
    [
      'a commit without an author',
      () => ['commit', commit(`tree ${emptyTree}\ncommitter ${who}\n\nm`)],
      /missingAuthor/,
    ],
    [
      'a commit with two authors',
      () => ['commit', commit(fine.replace('author', `author ${who}\nauthor`))],
      /multipleAuthors/,
    ],
    [
      'a commit without a committer',
      () => ['commit', commit(`tree ${emptyTree}\nauthor ${who}\n\nm`)],
      /missingCommitter/,
    ],
    ['a commit with a NUL', () => ['commit', commit(`${fine}a\0b`)], /nulIn/],
    [
      'a commit of a date that overflows',
      () => ['commit', commit(fine.replaceAll('1700000000', '9'.repeat(30)))],
      /badDateOverflow|badDate/,
    ],
    ['a commit that is empty', () => ['commit', commit('')], /./],
    [
      'a tag of nothing',
      () => ['tag', commit(`object ${'1'.repeat(40)}\ntype commit\ntag v\ntagger ${who}\n\nm`)],
      /1{40}|missing/,
    ],
    [
      'a tag without a type',
      () => ['tag', commit(`object ${head}\ntag v\ntagger ${who}\n\nm`)],
      /missingTypeEntry|invalid tag/,
    ],
  ])('%s is refused, with nothing stored', async (_, make, says) => {
    await stage.expectNothingStored(async () => {
      const [type, content] = make()
      const broken = entry({ type, size: content.length }, content)
      const oid = objectId(type, content)
      if (type === 'commit') return expectRefusedPush(oid, packOf(broken), says)
      const around = commit(fine.replace(emptyTree, type === 'tree' ? oid : emptyTree))
      const tip = objectId('commit', around)
      await expectRefusedPush(
        tip,
        packOf(broken, entry({ type: 'commit', size: around.length }, around)),
        says,
      )
    })
  })

  it('a link or a submodule is stored and shown, and never followed', async () => {
    const link = await git.object('work', 'blob', '../../../../etc/passwd')
    const into = await git.object('work', 'blob', 'folder')
    const tip = await git.commitTree(
      'work',
      await git.tree(
        'work',
        `120000 blob ${link}\tpasswd`,
        `120000 blob ${into}\tlinked`,
        `160000 commit ${'1'.repeat(40)}\tsub`,
      ),
    )
    await git.run('-C', 'work', 'push', '-q', 'origin', `${tip}:refs/heads/links`)
    const shown = (await stage.nobody.get('/api/models/alice/model/tree/links')).json()
    expect(shown.map((found: { path: string }) => found.path)).toEqual([
      'linked',
      'passwd',
      ...(shown.length > 2 ? ['sub'] : []),
    ])
    expect((await stage.nobody.get('/alice/model/resolve/links/passwd')).text).toBe('../../../../etc/passwd')
    for (const path of ['linked/b.txt', 'passwd/x', 'sub', 'sub/x']) {
      stage.expectRefusal(await stage.nobody.get(`/alice/model/resolve/links/${path}`), 404, /not found/)
    }
  })

  it('a pointer to what was never uploaded is refused', async () => {
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\nsize 12\n`
    const tip = await git.commitTree(
      'work',
      await git.tree('work', `100644 blob ${await git.object('work', 'blob', pointer)}\tw.bin`),
    )
    await stage.expectNothingStored(async () => {
      const { code, stderr } = await git.attempt('-C', 'work', 'push', 'origin', `${tip}:refs/heads/pointer`)
      expect(code).not.toBe(0)
      expect(stderr).toMatch(/LFS object a{64} of w\.bin was not uploaded/)
    })
  })
})

describe('a bomb', () => {
  const sizeBytes = (size: number): number[] =>
    size < 128 ? [size] : [(size & 127) | 128, ...sizeBytes(size >>> 7)]
  /** Makes so many bytes of a base of one MiB and more. */
  function copies(base: number, result: number): Buffer {
    const bytes = [...sizeBytes(base), ...sizeBytes(result)]
    for (let left = result; left > 0; ) {
      const length = Math.min(left, base, 0xff_ffff)
      bytes.push(0xf0, length & 255, (length >> 8) & 255, length >> 16)
      left -= length
    }
    return Buffer.from(bytes)
  }
  const base = Buffer.alloc(mebibyte, 1)
  const first = entry({ type: 'blob', size: base.length }, base)
  const bombs: Record<string, Uint8Array[]> = { 'deltas of one base': [first], 'deltas of deltas': [first] }
  for (let n = 0, _before = 0, from = base.length; n < 8; n++) {
    const result = 500 * mebibyte - n
    const behind = bombs['deltas of one base']!.reduce((sum, bytes) => sum + bytes.length, 0)
    const wide = copies(base.length, result)
    bombs['deltas of one base']!.push(entry({ type: 'ofs-delta', size: wide.length, distance: behind }, wide))
    const deep = copies(from, result)
    const distance = bombs['deltas of deltas']!.at(-1)!.length
    bombs['deltas of deltas']!.push(entry({ type: 'ofs-delta', size: deep.length, distance }, deep))
    _before = distance
    from = result
  }

  it.each(Object.entries(bombs))('of %s is refused before it goes off', async (_, entries) => {
    const pack = packOf(...entries)
    expect(pack.length).toBeLessThan(4000)
    await stage.expectNothingStored(() =>
      expectRefusedPush(
        head,
        pack,
        /an object of 50\d MiB is over limit; files of more than 10 MiB go by git-lfs/,
      ),
    )
  })

  it('of zeros in one blob passes through, and is refused for its size', async () => {
    const zeros = Buffer.alloc(200 * mebibyte)
    const root = tree(['100644', 'zeros.bin', objectId('blob', zeros)])
    const tip = Buffer.from(`tree ${objectId('tree', root)}\nauthor ${who}\ncommitter ${who}\n\nm\n`)
    const pack = packOf(
      entry({ type: 'blob', size: zeros.length }, zeros),
      entry({ type: 'tree', size: root.length }, root),
      entry({ type: 'commit', size: tip.length }, tip),
    )
    await stage.expectNothingStored(async () => {
      const answer = await send(
        'receive',
        Buffer.concat([creation(objectId('commit', tip), 'refs/heads/bad'), pack]),
      )
      expect(answer.text).toMatch(/ng refs\/heads\/bad zeros\.bin \(200\.0 MiB\) is larger than 10 MiB/)
    })
  })

  it('of zeros in gzip is no request', async () => {
    const bomb = gzipSync(Buffer.alloc(100 * mebibyte, '0'))
    const headers = { 'content-encoding': 'gzip' }
    await stage.expectNothingStored(async () => {
      const push = await send('receive', bomb, headers)
      expect([push.status, push.text]).toEqual([200, ''])
      const fetched = await send('upload', gzipSync(Buffer.alloc(100 * mebibyte, '0032want ')), headers)
      expect(fetched.text).not.toContain('PACK')
      stage.expectNoLeak(fetched)
    })
  })
})

describe('a git request', () => {
  it.each<[string, 'upload' | 'receive', string | Uint8Array, number, RegExp]>([
    ['that is a pack alone', 'receive', 'PACK\0\0\0\x02', 400, /pkt-line: length \\"PACK\\"/],
    [
      'that is cut',
      'receive',
      encodePktLine(`${'0'.repeat(40)} ${'1'.repeat(40)} refs/heads/a`).subarray(0, 50),
      400,
      /stream ends/,
    ],
    [
      'without a flush',
      'receive',
      encodePktLine(`${'0'.repeat(40)} ${'1'.repeat(40)} refs/heads/a`),
      400,
      /not flush/,
    ],
    [
      'that is no command',
      'receive',
      Buffer.concat([encodePktLine('hello'), encodePktMarker('flush')]),
      400,
      /is not .*<old id> <new id> <ref>/,
    ],
    [
      'in SHA-256',
      'receive',
      Buffer.concat([
        encodePktLine(`${'0'.repeat(40)} ${'1'.repeat(40)} refs/heads/a\0object-format=sha256`),
        encodePktMarker('flush'),
      ]),
      400,
      /was not offered/,
    ],
    [
      'of 10,001 refs',
      'receive',
      Buffer.concat([
        ...Array.from({ length: 10_001 }, (_, n) =>
          encodePktLine(`${'0'.repeat(40)} ${'1'.repeat(40)} refs/heads/${n}`),
        ),
        encodePktMarker('flush'),
      ]),
      413,
      /10000 refs/,
    ],
    // What git itself says of it.
    [
      'of a fetch that wants no object',
      'upload',
      Buffer.concat([encodePktLine('command=fetch'), encodePktMarker('flush')]),
      400,
      /protocol error/,
    ],
    ['of a fetch that is noise', 'upload', 'zzzz', 400, /protocol error/],
  ])('%s is refused', async (_, service, body, status, says) => {
    await stage.expectNothingStored(async () => {
      stage.expectRefusal(await send(service, body), status, says)
    })
  })

  it('of another type is refused', async () => {
    stage.expectRefusal(
      await send('receive', '0000', { 'content-type': 'text/plain' }),
      400,
      /content-type: is text\/plain/,
    )
    stage.expectRefusal(
      await send('upload', '0000', { 'content-type': 'text/plain' }),
      400,
      /content-type: is text\/plain/,
    )
  })

  it.each([
    'refs/heads/.x',
    'refs/heads/a..b',
    'refs/heads/a.lock',
    'refs/heads/a b',
    'refs/heads/a~1',
    'refs/heads/a:b',
    'refs/heads/a\\b',
    'refs/heads/@{x',
    'refs/heads/-x',
    'refs/heads/',
    'refs/heads//a',
    'refs/tags/a^',
    'refs/pr/1',
    'refs/notes/x',
    'HEAD',
    'main',
    '../x',
    'refs/heads/../../x',
    'refs/heads/refs/heads/x',
    `refs/heads/${'1'.repeat(40)}`,
    `refs/heads/${'x'.repeat(300)}`,
    'refs/heads/a\x01',
    'refs/remotes/origin/main',
    'refs/stash',
  ])('to the ref %j is refused', async ref => {
    await stage.expectNothingStored(async () => {
      const answer = await send('receive', creation(head, ref))
      expect(answer.status).toBe(200)
      expect(answer.text).toMatch(
        /ng [^\n]+ (Invalid reference|only refs\/heads|.*Invalid|there is no pull request 1)/,
      )
      stage.expectNoLeak(answer)
    })
  })
})
