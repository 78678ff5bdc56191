import { spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type Commit,
  encodeCommit,
  encodeTag,
  type ObjectType,
  objectId,
  parseCommit,
  parseTag,
} from './git-object.ts'
import { encodeTree, Tree } from './git-tree.ts'
import { type BuiltPack, PackBuilder } from './pack-builder.ts'
import { encodePackIndex, PackIndex } from './pack-index.ts'
import { applyDelta, inflateEntry, parsePackEntryHeader, parsePackHeader } from './packfile.ts'
import { encodePktLine, encodePktMarker, encodeSideband, PktLineReader } from './pktline.ts'

/** The git codecs against the git that is installed: what one writes, the other reads. */

const scratch = mkdtempSync(join(tmpdir(), 'banyan-git-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const environment = {
  PATH: process.env.PATH,
  HOME: scratch,
  LC_ALL: 'C',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'Zoë 王',
  GIT_AUTHOR_EMAIL: 'zoe@example.org',
  GIT_AUTHOR_DATE: '1700000000 -0330',
  GIT_COMMITTER_NAME: 'Hub',
  GIT_COMMITTER_EMAIL: 'hub@example.org',
  GIT_COMMITTER_DATE: '1700000100 +0545',
}
const limit = 16 * 1024 * 1024

function tryGit(cwd: string, args: readonly string[], input?: string | Uint8Array, more = {}) {
  const env = { ...environment, ...more }
  return spawnSync('git', args, { cwd, env, maxBuffer: 4 * limit, ...(input !== undefined && { input }) })
}

function git(cwd: string, args: readonly string[], input?: string | Uint8Array, more = {}): Buffer {
  const { status, stdout, stderr } = tryGit(cwd, args, input, more)
  if (status !== 0) throw new Error(`git ${args.join(' ')} ended with ${status}: ${stderr}`)
  return stdout
}

function line(cwd: string, args: readonly string[], input?: string | Uint8Array): string {
  return git(cwd, args, input).toString().trim()
}

function newRepository(name: string): string {
  git(scratch, ['init', '--quiet', '--initial-branch=main', name])
  return join(scratch, name)
}

interface GitObject {
  readonly type: ObjectType
  readonly content: Uint8Array
}

/** Every object that git has there, by id. */
function objectsIn(cwd: string): Map<string, GitObject> {
  const output = git(cwd, ['cat-file', '--batch', '--batch-all-objects', '--unordered'])
  const objects = new Map<string, GitObject>()
  for (let at = 0; at < output.length; ) {
    const end = output.indexOf('\n', at)
    const [oid = '', type, size] = output.toString('latin1', at, end).split(' ')
    const content = output.subarray(end + 1, end + 1 + Number(size))
    objects.set(oid, { type: type as ObjectType, content })
    at = end + 1 + Number(size) + 1
  }
  return objects
}

interface ReadPack {
  readonly objects: Map<string, GitObject>
  /** Offset, end and id of each entry, in order. */
  readonly entries: { readonly oid: string; readonly offset: number; readonly end: number }[]
  readonly kinds: Record<string, number>
}

/** Reads a pack front to back with nothing but our codecs; `outside` has the bases that a thin pack leaves out. */
async function readPack(pack: Uint8Array, outside = new Map<string, GitObject>()): Promise<ReadPack> {
  const read: ReadPack = { objects: new Map(), entries: [], kinds: {} }
  const at = new Map<number, GitObject>()
  let offset = 12
  for (let left = parsePackHeader(pack); left > 0; left--) {
    const { header, length } = parsePackEntryHeader(pack, offset)
    const { content, consumed } = await inflateEntry(pack.subarray(offset + length), header.size, limit)
    read.kinds[header.type] = (read.kinds[header.type] ?? 0) + 1
    let object: GitObject
    if (header.type === 'ofs-delta' || header.type === 'ref-delta') {
      const base =
        header.type === 'ofs-delta'
          ? at.get(offset - header.distance)
          : (read.objects.get(header.base) ?? outside.get(header.base))
      if (!base) throw new Error(`no base for the delta at ${offset}`)
      object = { type: base.type, content: applyDelta(base.content, content, limit) }
    } else {
      object = { type: header.type, content }
    }
    const oid = objectId(object.type, object.content)
    at.set(offset, object)
    read.objects.set(oid, object)
    const end = offset + length + consumed
    read.entries.push({ oid, offset, end })
    offset = end
  }
  expect(offset).toBe(pack.length - 20)
  return read
}

function expectSame(found: Map<string, GitObject>, expected: Map<string, GitObject>): void {
  expect([...found.keys()].sort()).toEqual([...expected.keys()].sort())
  for (const [oid, { type, content }] of expected) {
    expect(found.get(oid)?.type).toBe(type)
    expect(Buffer.compare(found.get(oid)?.content ?? new Uint8Array(), content)).toBe(0)
  }
}

/** The idx that our encoder writes for what was read from the pack. */
function indexOf(pack: Uint8Array, { entries }: ReadPack): Uint8Array {
  const listed = entries.map(({ oid, offset, end }) => ({
    oid,
    offset,
    crc32: crc32(pack.subarray(offset, end)),
  }))
  return encodePackIndex(listed, Buffer.from(pack.subarray(-20)).toString('hex'))
}

function packIn(cwd: string): { pack: Buffer; index: Buffer } {
  const folder = join(cwd, '.git/objects/pack')
  const packs = readdirSync(folder).filter(name => name.endsWith('.pack'))
  expect(packs).toHaveLength(1)
  const path = join(folder, packs[0]!)
  return { pack: readFileSync(path), index: readFileSync(path.replace(/pack$/, 'idx')) }
}

/** A repository with all kinds of entries and enough likeness for deltas on deltas. */
let work: string
let oldHead: string
beforeAll(() => {
  work = newRepository('work')
  mkdirSync(join(work, 'dir/deep'), { recursive: true })
  const lines = Array.from({ length: 400 }, (_, i) => createHash('sha1').update(`${i}`).digest('hex'))
  writeFileSync(join(work, 'tool.sh'), '#!/bin/sh\n', { mode: 0o755 })
  writeFileSync(join(work, 'dir.txt'), 'sorts before dir/\n')
  writeFileSync(join(work, 'dir/grüße 模型 \u{1f600}.md'), 'text\n')
  writeFileSync(join(work, 'dir/deep/empty'), '')
  writeFileSync(join(work, 'noise.bin'), randomBytes(150_000))
  symlinkSync('tool.sh', join(work, 'link'))
  for (let version = 0; version < 12; version++) {
    lines[version * 20] = `version ${version}`
    writeFileSync(join(work, 'vocabulary.txt'), lines.join('\n').repeat(version + 1))
    git(work, ['add', '--all'])
    git(work, ['update-index', '--add', '--cacheinfo', `160000,${'5'.repeat(40)},module`])
    git(work, ['commit', '--quiet', '-m', `version ${version}\n\nwith a body: é\n`])
    if (version === 5) oldHead = line(work, ['rev-parse', 'HEAD'])
  }
  git(work, ['tag', '-a', 'v1', '-m', 'first'])
  git(work, ['tag', '-a', 'v1-again', '-m', 'a tag of a tag', 'v1'])
})

describe('what git wrote', () => {
  it.each([
    ['ofs-delta', 'true'],
    ['ref-delta', 'false'],
  ])('is read from a pack with %s', async (kind, usesOffsets) => {
    git(work, ['-c', `repack.useDeltaBaseOffset=${usesOffsets}`, 'repack', '-adf', '--quiet', '--depth=50'])
    const { pack, index: indexBytes } = packIn(work)
    const read = await readPack(pack)
    expect(read.kinds[kind]).toBeGreaterThan(5)
    expectSame(read.objects, objectsIn(work))

    const index = new PackIndex(indexBytes, { verifyChecksum: true })
    expect(index.packId).toBe(pack.subarray(-20).toString('hex'))
    expect([...index.entries()]).toEqual(read.entries.map(({ oid, offset }) => ({ oid, offset })))
    for (const { oid, offset, end } of read.entries) {
      expect(index.find(oid)).toBe(offset)
      expect(index.endOf(offset, pack.length)).toBe(end)
    }
    expect(Buffer.compare(indexOf(pack, read), indexBytes)).toBe(0)
  })

  it('is read from a thin pack, whose bases are elsewhere', async () => {
    const wanted = `HEAD\n^${oldHead}\n`
    const pack = git(
      work,
      ['pack-objects', '--thin', '--revs', '--stdout', '--quiet', '--delta-base-offset'],
      wanted,
    )
    const all = objectsIn(work)
    const read = await readPack(pack, all)
    expect(read.kinds['ref-delta']).toBeGreaterThan(0)
    expect(read.objects.size).toBeGreaterThan(0)
    const listed = line(work, ['rev-list', '--objects', '--no-object-names', 'HEAD', `^${oldHead}`]).split(
      '\n',
    )
    expectSame(read.objects, new Map(listed.map(oid => [oid, all.get(oid)!])))
  })

  it('is found by an index with offsets of 8 bytes', async () => {
    const { pack } = packIn(work)
    const path = join(scratch, 'large.pack')
    writeFileSync(path, pack)
    // Git writes every offset from 0x40 on as if it were beyond 2^31.
    git(scratch, ['index-pack', '--index-version=2,0x40', path])
    const bytes = readFileSync(join(scratch, 'large.idx'))
    const { entries } = await readPack(pack)
    expect(bytes.length).toBeGreaterThan(indexOf(pack, { entries, objects: new Map(), kinds: {} }).length)
    const index = new PackIndex(bytes, { verifyChecksum: true })
    expect([...index.entries()]).toEqual(entries.map(({ oid, offset }) => ({ oid, offset })))
    for (const { oid, offset } of entries) expect(index.find(oid)).toBe(offset)
  })

  it('parses into what encodes to the same bytes', () => {
    let commits = 0
    for (const { type, content } of objectsIn(work).values()) {
      if (type === 'tree') expect(Buffer.compare(encodeTree(new Tree(content).entries()), content)).toBe(0)
      if (type === 'commit') {
        commits++
        expect(Buffer.compare(encodeCommit(parseCommit(content)), content)).toBe(0)
      }
    }
    expect(commits).toBe(12)
    const head = parseCommit(git(work, ['cat-file', 'commit', 'HEAD']))
    expect(head).toMatchObject({
      parents: [line(work, ['rev-parse', 'HEAD~1'])],
      author: { name: 'Zoë 王', email: 'zoe@example.org', time: 1_700_000_000_000, offsetMinutes: -210 },
      committer: { name: 'Hub', offsetMinutes: 345 },
      message: 'version 11\n\nwith a body: é\n',
    })
    const tree = new Tree(git(work, ['cat-file', 'tree', head.tree])).entries()
    const listed = line(work, ['ls-tree', '-z', head.tree]).split('\0').filter(Boolean)
    expect(tree.map(({ mode, name, oid }) => `${mode.padStart(6, '0')} ${oid}\t${name}`)).toEqual(
      listed.map(entry => entry.replace(/ (blob|tree|commit) /, ' ')),
    )
    expect(new Set(tree.map(({ mode }) => mode)).size).toBe(5)
  })

  it('reads tags as git wrote them, and writes them alike', () => {
    const content = git(work, ['cat-file', 'tag', 'v1'])
    const tag = parseTag(content)
    expect(tag).toEqual({ object: line(work, ['rev-parse', 'v1^{}']), type: 'commit', tag: 'v1' })
    const tagger = { name: 'Hub', email: 'hub@example.org', time: 1_700_000_100_000, offsetMinutes: 345 }
    expect(Buffer.compare(encodeTag({ ...tag, tagger, message: 'first\n' }), content)).toBe(0)
    expect(parseTag(git(work, ['cat-file', 'tag', 'v1-again']))).toMatchObject({
      type: 'tag',
      tag: 'v1-again',
    })
  })
})

/** Two commits and a tag, made by our own encoders. */
async function buildHistory(): Promise<{
  built: BuiltPack
  head: string
  tag: string
  objects: Map<string, GitObject>
}> {
  const builder = new PackBuilder()
  const objects = new Map<string, GitObject>()
  async function add(type: ObjectType, content: Uint8Array): Promise<string> {
    const oid = objectId(type, content)
    await builder.add(oid, type, content)
    objects.set(oid, { type, content })
    return oid
  }
  const readme = await add('blob', Buffer.from('# model\n'))
  const noise = await add('blob', randomBytes(300_000))
  const empty = await add('blob', new Uint8Array())
  const target = await add('blob', Buffer.from('README.md'))
  const inner = await add('tree', encodeTree([{ mode: '100755', name: 'run \u{1f600}\ufffd', oid: readme }]))
  const root = await add(
    'tree',
    encodeTree([
      { mode: '160000', name: 'zmodule', oid: '5'.repeat(40) },
      { mode: '40000', name: 'a', oid: inner },
      { mode: '100644', name: 'a.b', oid: empty },
      { mode: '100644', name: 'a0', oid: noise },
      { mode: '100644', name: '\u{1f600}', oid: readme },
      { mode: '100644', name: '\uff5e', oid: readme },
      { mode: '120000', name: 'link', oid: target },
    ]),
  )
  const who = { name: '<Jane>\n', email: 'jane@example.org\n', time: 1_700_000_000_999, offsetMinutes: -210 }
  const nobody = { name: '', email: '', time: 0, offsetMinutes: 0 }
  const noFiles = await add('tree', encodeTree([]))
  const first: Commit = { tree: noFiles, parents: [], author: nobody, committer: nobody, message: '' }
  const parent = await add('commit', encodeCommit(first))
  const second: Commit = {
    tree: root,
    parents: [parent],
    author: who,
    committer: who,
    message: 'hi 你好\n\nno newline',
  }
  const head = await add('commit', encodeCommit(second))
  const tag = await add(
    'tag',
    encodeTag({ object: head, type: 'commit', tag: 'v1', tagger: who, message: 'x' }),
  )
  return { built: await builder.finish(), head, tag, objects }
}

describe('what we wrote', () => {
  it('passes the checks of git, which writes the same index', async () => {
    const { built, head, tag, objects } = await buildHistory()
    const repository = newRepository('built')
    const path = join(repository, `.git/objects/pack/pack-${built.packId}`)
    writeFileSync(`${path}.pack`, Buffer.concat(built.pieces))
    expect(line(repository, ['index-pack', '--strict', '--fsck-objects', `${path}.pack`])).toBe(built.packId)
    expect(Buffer.compare(readFileSync(`${path}.idx`), built.index)).toBe(0)

    const verified = line(repository, ['verify-pack', '-v', `${path}.idx`])
    const index = new PackIndex(built.index, { verifyChecksum: true })
    for (const { oid, offset } of index.entries()) {
      const { type, content } = objects.get(oid)!
      const length = index.endOf(offset, built.byteLength) - offset
      expect(verified).toMatch(new RegExp(`^${oid} ${type} +${content.length} ${length} ${offset}$`, 'm'))
    }
    expectSame(objectsIn(repository), objects)
    git(repository, ['update-ref', 'refs/heads/main', head])
    git(repository, ['update-ref', 'refs/tags/v1', tag])
    git(repository, ['fsck', '--strict', '--full'])
    expect(line(repository, ['log', '-1', '--format=%an|%ae|%aI|%s', 'main'])).toBe(
      'Jane|jane@example.org|2023-11-14T18:43:20-03:30|hi 你好',
    )
    expect(line(repository, ['ls-tree', '-z', '--name-only', 'main']).split('\0').filter(Boolean)).toEqual([
      'a.b',
      'a',
      'a0',
      'link',
      'zmodule',
      '\uff5e',
      '\u{1f600}',
    ])
  })

  it('passes them without any object too', async () => {
    const { pieces, packId, index } = await new PackBuilder().finish()
    const path = join(scratch, 'empty.pack')
    writeFileSync(path, Buffer.concat(pieces))
    expect(line(scratch, ['index-pack', '--strict', path])).toBe(packId)
    expect(Buffer.compare(readFileSync(join(scratch, 'empty.idx')), index)).toBe(0)
  })
})

async function* streamOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000)
}

async function textLines(bytes: Uint8Array): Promise<string[]> {
  const reader = new PktLineReader(streamOf(bytes))
  const lines: string[] = []
  for (;;) {
    const packet = await reader.next()
    if (packet.type === 'end') return lines
    lines.push(packet.type === 'data' ? Buffer.from(packet.payload).toString() : packet.type)
  }
}

/** Payloads by band, and the packets written again by our own encoder. */
async function readBands(bytes: Uint8Array): Promise<{ bands: Buffer[]; again: Buffer; packets: number }> {
  const reader = new PktLineReader(streamOf(bytes))
  const bands = [Buffer.alloc(0), Buffer.alloc(0), Buffer.alloc(0), Buffer.alloc(0)]
  const again: Uint8Array[] = []
  for (;;) {
    const packet = await reader.next()
    if (packet.type === 'flush') return { bands, again: Buffer.concat(again), packets: again.length }
    if (packet.type !== 'data') throw new Error(`${packet.type} among bands`)
    const band = packet.payload[0] as 1 | 2 | 3
    bands[band] = Buffer.concat([bands[band]!, packet.payload.subarray(1)])
    again.push(encodeSideband(band, packet.payload.subarray(1)))
  }
}

describe('the wire', () => {
  const zero = '0'.repeat(40)

  it('reads what upload-pack announces', async () => {
    const lines = await textLines(git(work, ['upload-pack', '--http-backend-info-refs', '.']))
    const head = line(work, ['rev-parse', 'HEAD'])
    expect(lines[0]).toMatch(new RegExp(`^${head} HEAD\\0.*side-band-64k`))
    expect(lines).toContain(`${head} refs/heads/main\n`)
    expect(lines.at(-1)).toBe('flush')
  })

  it('asks in version 2, with a delimiter', async () => {
    const request = Buffer.concat([
      encodePktLine('command=ls-refs\n'),
      encodePktMarker('delim'),
      encodePktLine('peel\n'),
      encodePktLine('ref-prefix refs/tags/\n'),
      encodePktMarker('flush'),
    ])
    const answer = git(work, ['upload-pack', '--stateless-rpc', '.'], request, { GIT_PROTOCOL: 'version=2' })
    const [tag, head] = ['v1', 'v1^{}'].map(name => line(work, ['rev-parse', name]))
    expect(await textLines(answer)).toContain(`${tag} refs/tags/v1 peeled:${head}\n`)
  })

  it('reads the bands of a fetch and frames them alike', async () => {
    const request = Buffer.concat([
      encodePktLine(`want ${line(work, ['rev-parse', 'HEAD'])} side-band-64k ofs-delta\n`),
      encodePktMarker('flush'),
      encodePktLine('done\n'),
    ])
    const answer = git(work, ['upload-pack', '--stateless-rpc', '.'], request)
    const nak = encodePktLine('NAK\n')
    expect(Buffer.compare(answer.subarray(0, nak.length), nak)).toBe(0)
    const { bands, again, packets } = await readBands(answer.subarray(nak.length))
    expect(packets).toBeGreaterThan(2)
    const framed = Buffer.concat([again, encodePktMarker('flush')])
    expect(Buffer.compare(framed, answer.subarray(nak.length))).toBe(0)
    expect((await readPack(bands[1]!)).objects.size).toBe(objectsIn(work).size - 2)
  })

  it('pushes a pack of ours into receive-pack', async () => {
    const { built, head } = await buildHistory()
    const repository = newRepository('pushed')
    const request = Buffer.concat([
      encodePktLine(`${zero} ${head} refs/heads/topic\0 report-status side-band-64k`),
      encodePktMarker('flush'),
      ...built.pieces,
    ])
    const answer = git(repository, ['receive-pack', '--stateless-rpc', '.'], request)
    const { bands } = await readBands(answer)
    expect(await textLines(bands[1]!)).toEqual(['unpack ok\n', 'ok refs/heads/topic\n', 'flush'])
    expect(line(repository, ['rev-parse', 'topic'])).toBe(head)
  })

  it('takes a push from git and answers it', async () => {
    const head = line(work, ['rev-parse', 'HEAD'])
    const news = `${'long news '.repeat(10_000)}end\n`
    const report = [
      encodePktLine('unpack ok\n'),
      encodePktLine('ok refs/heads/main\n'),
      encodePktMarker('flush'),
    ]
    const answer = Buffer.concat([
      encodePktLine(`${zero} capabilities^{}\0report-status side-band-64k ofs-delta\n`),
      encodePktMarker('flush'),
      encodeSideband(2, news),
      encodeSideband(1, Buffer.concat(report)),
      encodePktMarker('flush'),
    ])
    writeFileSync(join(scratch, 'answer'), answer)
    writeFileSync(join(scratch, 'remote'), `cat ${scratch}/answer\ncat > ${scratch}/body\n`)
    const push = ['-c', 'protocol.ext.allow=always', 'push', `ext::sh ${scratch}/remote`, 'main']
    const { status, stderr } = tryGit(work, push)
    expect(stderr.toString()).toContain('[new branch]      main -> main')
    expect(stderr.toString().replaceAll(/\nremote: |\s+$/gm, '')).toContain('long news long news')
    expect(stderr.toString()).not.toContain('fatal')
    expect(status).toBe(0)

    const reader = new PktLineReader(streamOf(readFileSync(join(scratch, 'body'))))
    const command = await reader.next()
    const text = command.type === 'data' ? Buffer.from(command.payload).toString() : command.type
    expect(text).toMatch(new RegExp(`^${zero} ${head} refs/heads/main\\0.*report-status.*side-band-64k`))
    expect(await reader.next()).toEqual({ type: 'flush' })
    const pieces: Uint8Array[] = []
    for await (const piece of reader.rest()) pieces.push(piece)
    expect((await readPack(Buffer.concat(pieces))).objects.has(head)).toBe(true)
  })
})
