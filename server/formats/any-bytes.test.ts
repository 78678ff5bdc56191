import { readdirSync, readFileSync } from 'node:fs'
import { deflateSync } from 'node:zlib'
import fc from 'fast-check'
import { compressFrameSync } from 'lz4-napi'
import { describe, expect, it } from 'vitest'
import { runs } from '../../test/fuzz-runs.ts'
import { mutated } from '../../test/mutated.ts'
import { LimitExceeded, MalformedInput } from '../kernel/errors.ts'
import { plainTypes } from './block-type.ts'
import { sourceOf } from './byte-source.ts'
import { parseFrontMatter } from './front-matter.ts'
import { checkGateAnswers, readGateForm } from './gate-form.ts'
import { parseGgufHeader, readGgufHeader, readGgufTexts } from './gguf-header.ts'
import { encodeCommit, encodeTag, parseCommit, parseTag } from './git-object.ts'
import { encodeTree, Tree } from './git-tree.ts'
import { addLfsPaths, DEFAULT_GITATTRIBUTES, parseGitattributes } from './gitattributes.ts'
import { parseGitignore } from './gitignore.ts'
import { encodeLfsPointer, parseLfsPointer } from './lfs-pointer.ts'
import { decodeGroupedLz4Frame, decodeLz4Frame } from './lz4-frame.ts'
import { decodeBlock, takeDecoded } from './lz4-kernel.ts'
import { matrixShape, readMatrix } from './matrix.ts'
import { cardTags, validateCard } from './model-card.ts'
import { decodeVarints, readOnnxModel } from './onnx-model.ts'
import { encodePackIndex, PackIndex } from './pack-index.ts'
import {
  applyDelta,
  encodePackEntryHeader,
  encodePackHeader,
  inflatedId,
  inflateEntry,
  parsePackEntryHeader,
  parsePackHeader,
} from './packfile.ts'
import { asBytes, PathPatterns, parsePathPattern } from './path-pattern.ts'
import { readPickle } from './pickle.ts'
import { encodePktLine, encodePktMarker, encodeSideband, PktLineReader } from './pktline.ts'
import { readField } from './protobuf.ts'
import { checkBranchName, checkFullRef, checkTagName } from './ref-name.ts'
import { checkNamespace, parseRepoId } from './repo-name.ts'
import { parseSafetensorsHeader, readSafetensorsHeader, readSafetensorsLength } from './safetensors-header.ts'
import { parseSentencePieces } from './sentencepiece.ts'
import { parseShard } from './shard.ts'
import { encodeDedupShard, encodeShard } from './shard-encode.ts'
import { bg4Split } from './testdata/bg4-split.ts'
import { hfXetUpload, huggingfaceJsUpload } from './testdata/client-uploads.ts'
import { ggufFile, onnxFile, safetensorsFile } from './testdata/weight-files.ts'
import { parseTokenizerJson, parseVocabularyJson } from './tokenizer-json.ts'
import { findTensors } from './torch-state.ts'
import { parseTreePath } from './tree-path.ts'
import { hashToText, textToHash } from './xet-hash.ts'
import { verifyXorb, verifyXorbFooter } from './xorb.ts'
import { decodeXorbFooter, encodeXorbFooter, parseXorbFooter } from './xorb-footer.ts'
import {
  decodeFrame,
  decodeFrames,
  encodeStoredFrame,
  readFrameHeader,
  writeFrameHeader,
} from './xorb-frame.ts'
import { readZipDirectory, zipEntrySource } from './zip-directory.ts'

/**
 * Whatever bytes a reader is given, valid ones with changes or made-up ones, it gives something or refuses in words, and
 * what it gives takes no more memory than so many times its input. A reader that is not in the table fails.
 */
interface Reader {
  /** Valid inputs, which are changed. */
  readonly samples: readonly (string | Uint8Array)[]
  /** What was read, for its memory to be counted. */
  readonly read: (bytes: Uint8Array) => unknown
  /** Most memory that the result may take: so many times the input, and so many bytes beside. 48 times unless told. */
  readonly times?: number
  readonly beside?: number
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8')
async function* oneAtATime(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 16) yield bytes.subarray(at, at + 16)
}
const oid = (digit: string) => digit.repeat(40)
const ada = { name: 'Ada', email: 'ada@example.org', time: 1.7e12, offsetMinutes: 120 }
const blob = Buffer.from('some words, some words, some words')
const raws = [Buffer.from('abcdefgh'.repeat(20)), Buffer.alloc(300, 7), Buffer.from('z')]
const lz4 = raws.map(raw => compressFrameSync(raw))

function framesOf(parts: readonly Uint8Array[]): Uint8Array {
  const grouped = compressFrameSync(Buffer.from(bg4Split(parts[1]!)))
  const head = Buffer.alloc(8)
  writeFrameHeader(head, 0, { scheme: 2, storedLength: grouped.length, rawLength: parts[1]!.length })
  return Buffer.concat([encodeStoredFrame(parts[0]!), head, grouped, encodeStoredFrame(parts[2]!)])
}

const frames = framesOf(raws)
const xorbName = (() => {
  try {
    verifyXorb(frames, '0'.repeat(64))
  } catch (error) {
    return /hash to ([0-9a-f]{64})/.exec((error as Error).message)![1]!
  }
  throw new Error('nothing has the hash 0')
})()
const xorb = verifyXorb(frames, xorbName)
const footer = encodeXorbFooter(xorb)
const smallShard = encodeShard({
  files: [
    {
      hash: 'a'.repeat(64),
      sha256: 'b'.repeat(64),
      terms: [{ xorb: xorbName, unpackedLength: 461, chunkStart: 0, chunkEnd: 3, rangeHash: 'c'.repeat(64) }],
    },
    { hash: 'd'.repeat(64), terms: [{ xorb: xorbName, unpackedLength: 1, chunkStart: 2, chunkEnd: 3 }] },
  ],
  xorbs: [{ hash: xorbName, chunks: xorb.chunks }],
})
const dedup = encodeDedupShard({
  xorbs: [{ hash: xorbName, chunks: xorb.chunks }],
  hmacKey: Buffer.alloc(32, 1),
  createdAt: 0,
  expiresAt: 1e12,
})
const torchFile = readFileSync(new URL('../domains/weights/testdata/pytorch/checkpoint.pth', import.meta.url))
const index = encodePackIndex(
  [
    { oid: oid('1'), crc32: 1, offset: 12 },
    { oid: oid('2'), crc32: 2, offset: 0x1_0000_0000 },
    { oid: oid('f'), crc32: 3, offset: 500 },
  ],
  oid('a'),
)
/** Short ones: YAML takes long to read. */
const cards = [
  'license: mit\nlanguage: [en, zh]\ntags:\n  - a: "c"\n',
  "a: &t [1, 'x']\nb: *t\n<<: *t\nwhen: 2024-01-01\n__proto__: {x: !!js y}\n",
  'model-index: [{name: n, results: [{task: {type: t}}]}]\nbase_model: x/y\n',
].map(yaml => `---\n${yaml}---\n# arxiv.org/abs/1234.56789\n`)

const readers: Record<string, Reader> = {
  'readGateForm checkGateAnswers': {
    samples: [
      '---\nextra_gated_prompt: be good\nextra_gated_fields:\n  Company: text\n  For:\n    type: select\n    options: [a, {label: b, value: c}]\nCompany: x\nFor: c\n---\n',
      '---\nextra_gated_fields: {Country: country, Born: date_picker, Agree: checkbox}\nCountry: NL\n---\n',
    ],
    read: bytes => {
      const { data } = parseFrontMatter(text(bytes))
      const form = readGateForm(data)
      return [form, checkGateAnswers(form, data)]
    },
  },
  'parseFrontMatter validateCard cardTags': {
    samples: cards,
    read(bytes) {
      const { data, body } = parseFrontMatter(text(bytes))
      return [cardTags(data, body, 'model'), validateCard(text(bytes), 'model')]
    },
    // A sentence for each of twenty things that are wrong.
    beside: 8000,
  },
  Tree: {
    samples: [
      encodeTree([
        { mode: '100644', name: 'a', oid: oid('1') },
        { mode: '40000', name: 'é', oid: oid('2') },
      ]),
    ],
    read: bytes => new Tree(bytes).entries(),
  },
  parseCommit: {
    samples: [
      encodeCommit({
        tree: oid('1'),
        parents: [oid('2'), oid('3')],
        author: ada,
        committer: ada,
        message: 'm\n',
      }),
    ],
    read: parseCommit,
  },
  parseTag: {
    samples: [encodeTag({ object: oid('1'), type: 'commit', tag: 'v1', tagger: ada, message: 'm' })],
    read: parseTag,
  },
  parseGitattributes: {
    samples: [
      DEFAULT_GITATTRIBUTES.dataset,
      '[attr]big filter=lfs -text\n"a\\tb" big\n**/[!x]*.bin !filter\n',
    ],
    read: bytes => parseGitattributes(bytes).isLfs('a/b.bin'),
  },
  addLfsPaths: {
    samples: ['*.bin filter=lfs\n', 'a b/c#.txt', '!x'],
    read: bytes => [addLfsPaths(bytes, ['x y/[z].bin']), addLfsPaths('', [text(bytes)])],
    times: 64,
  },
  parseGitignore: {
    samples: ['*.log\n!keep.log\n/build/\n**/x/**\n[a-z]?\\ \n'],
    read: bytes => parseGitignore(bytes).ignores('build/x/keep.log'),
  },
  parsePathPattern: {
    samples: ['**/[[:alpha:]!-]*/x?\\*', '!a/', '***'],
    read(bytes) {
      const pattern = parsePathPattern(asBytes(bytes))
      return [pattern, new PathPatterns([pattern]).matching('a/b/xy*', 'file')]
    },
    // A bracket of three bytes becomes a table of 256.
    times: 128,
  },
  parseLfsPointer: {
    samples: [encodeLfsPointer({ sha256: 'a'.repeat(64), size: 12 })],
    read: parseLfsPointer,
    beside: 400,
  },
  decodeLz4Frame: {
    samples: lz4,
    read: bytes => decodeLz4Frame('it', bytes, 300),
    beside: 300,
  },
  decodeGroupedLz4Frame: {
    samples: lz4,
    read: bytes => decodeGroupedLz4Frame('it', bytes, 300, 0),
    beside: 300,
  },
  // It refuses by a number: there is no room for words in the kernel.
  decodeBlock: {
    samples: lz4.map(frame => frame.subarray(11, -4)),
    read(bytes) {
      const end = decodeBlock(bytes, 0, 0, 300)
      return end <= 300 ? takeDecoded(end) : undefined
    },
    beside: 300,
  },
  readFrameHeader: {
    samples: [frames.subarray(0, 8)],
    read: bytes => readFrameHeader('it', bytes, 0),
    beside: 200,
  },
  decodeFrame: {
    samples: [frames.subarray(168), frames],
    read: bytes => decodeFrame('it', readFrameHeader('it', bytes, 0), bytes.subarray(8)),
    // A frame says how long its chunk is, and LZ4 gives 255 for one.
    times: 256,
    beside: 1000,
  },
  decodeFrames: {
    samples: [frames],
    read: bytes => [...decodeFrames('it', bytes, xorb.chunks.lengths)],
    beside: 1000,
  },
  verifyXorb: {
    samples: [frames, Buffer.concat([frames, footer])],
    read: bytes => verifyXorb(bytes, xorbName),
  },
  verifyXorbFooter: { samples: [footer], read: bytes => verifyXorbFooter('it', bytes, xorb) },
  parseXorbFooter: { samples: [footer], read: bytes => parseXorbFooter('it', bytes) },
  decodeXorbFooter: {
    samples: [footer, Buffer.concat([frames, footer])],
    read: bytes => decodeXorbFooter('it', bytes),
  },
  parseShard: {
    samples: [smallShard, dedup, hfXetUpload.shard, huggingfaceJsUpload.shard],
    read: parseShard,
  },
  parsePackHeader: { samples: [encodePackHeader(3)], read: parsePackHeader },
  parsePackEntryHeader: {
    samples: [
      encodePackEntryHeader({ type: 'blob', size: 300 }),
      encodePackEntryHeader({ type: 'ofs-delta', size: 5, distance: 12_345 }),
      encodePackEntryHeader({ type: 'ref-delta', size: 5, base: oid('1') }),
    ],
    read: bytes => parsePackEntryHeader(bytes),
    beside: 400,
  },
  inflateEntry: {
    samples: [deflateSync(blob), deflateSync(Buffer.alloc(400))],
    read: bytes => inflateEntry(bytes, bytes.length % 2 ? blob.length : 400, 1000),
    beside: 1000,
  },
  inflatedId: {
    samples: [deflateSync(blob), deflateSync(Buffer.alloc(100_000))],
    read: bytes =>
      inflatedId(oneAtATime(bytes), { type: 'blob', size: bytes.length % 2 ? blob.length : 100_000 }),
    beside: 1000,
  },
  applyDelta: {
    samples: [Buffer.from([blob.length, 39, 5, 104, 101, 108, 108, 111, 0x91, 0, blob.length])],
    read: bytes => applyDelta(blob, bytes, 4096),
    beside: 4096,
  },
  PackIndex: {
    samples: [index],
    read(bytes) {
      const found = new PackIndex(bytes)
      const entries = [...found.entries()]
      for (const { offset } of entries) found.endOf(offset, 2 ** 40)
      return [entries, found.find(oid('2')), [...found.startingWith('1')]]
    },
  },
  PktLineReader: {
    samples: [
      Buffer.concat([
        encodePktLine('want x\n'),
        encodePktMarker('delim'),
        encodeSideband(1, blob),
        encodePktMarker('flush'),
        Buffer.from('PACK'),
      ]),
    ],
    async read(bytes) {
      const half = bytes.length >> 1
      const reader = new PktLineReader(
        (async function* () {
          yield bytes.subarray(0, half)
          yield bytes.subarray(half)
        })(),
      )
      const lines = []
      for (;;) {
        const line = await reader.next()
        lines.push(line)
        if (line.type === 'end') return lines
        if (line.type === 'flush') break
      }
      for await (const piece of reader.rest()) lines.push(piece)
      return lines
    },
  },
  'parseSafetensorsHeader readSafetensorsLength': {
    samples: [safetensorsFile, Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 0, 0, 0]), Buffer.from('{}')])],
    read: bytes => [readSafetensorsLength(bytes), parseSafetensorsHeader(bytes, bytes.length)],
  },
  'readSafetensorsHeader readMatrix': {
    samples: [safetensorsFile],
    async read(bytes) {
      const source = sourceOf(bytes)
      const { tensors, dataStart } = await readSafetensorsHeader(source)
      return Promise.all(
        tensors.map(({ dtype, shape, begin }) => {
          const matrix = {
            source,
            begin: dataStart + begin,
            type: plainTypes[dtype],
            ...matrixShape(shape),
          }
          return readMatrix(
            matrix,
            Array.from({ length: Math.min(matrix.rows, 99) }).map((_, row) => row),
          )
        }),
      )
    },
  },
  parseGgufHeader: {
    samples: [ggufFile],
    read(bytes) {
      const header = parseGgufHeader(bytes)
      return header && { ...header, metadata: [...header.metadata] }
    },
  },
  'readGgufHeader readGgufTexts': {
    samples: [ggufFile],
    async read(bytes) {
      const source = sourceOf(bytes)
      const { metadata } = await readGgufHeader(source)
      const list = metadata.get('tokenizer.ggml.tokens')
      return typeof list === 'object' && readGgufTexts(source, list)
    },
  },
  'parseTokenizerJson parseVocabularyJson': {
    samples: [
      '{"version":"1.0","added_tokens":[{"id":2,"content":"<s>"}],"model":{"type":"BPE","vocab":{"a":0,"\\u00e9":1},"merges":["a b"]}}',
      '{"model":{"vocab":[["<unk>",0],["▁a",-1.5e3]]}}',
      '{"a":0,"b":1}',
    ],
    read: bytes => (bytes.length % 2 ? parseTokenizerJson(bytes) : parseVocabularyJson(bytes)),
    // Ids of up to a thousand without a token are given names.
    beside: 60_000,
  },
  'parseSentencePieces readFields readField readVarint': {
    samples: [Buffer.from('0a0a0a033c733e15000000000a090a05e29681686918011a0210012803', 'hex')],
    read: bytes => [parseSentencePieces(bytes), readField(bytes, 0)],
  },
  'readZipDirectory readPickle': {
    samples: [torchFile],
    async read(bytes) {
      const source = sourceOf(bytes)
      const entries = await readZipDirectory(source)
      const pickle = entries.find(({ name }) => name.endsWith('data.pkl'))
      if (!pickle) return entries
      const { value } = readPickle(await zipEntrySource(source, pickle).read(0, pickle.size), 0, new Set())
      return [entries, findTensors(value)]
    },
    beside: 10_000,
  },
  'readOnnxModel decodeVarints': {
    samples: [onnxFile],
    async read(bytes) {
      const tensors = await readOnnxModel(sourceOf(bytes))
      return [
        tensors,
        decodeVarints(
          bytes.subarray(0, 40).map(byte => byte & 127),
          plainTypes.I8,
        ),
      ]
    },
    times: 64,
  },
  checkBranchName: { samples: ['main', 'a/b.c', 'é@{'], read: bytes => checkBranchName(text(bytes)) },
  checkTagName: { samples: ['v1.0', 'x~1'], read: bytes => checkTagName(text(bytes)) },
  checkFullRef: { samples: ['refs/heads/main', 'refs/pr/1'], read: bytes => checkFullRef(text(bytes)) },
  checkNamespace: { samples: ['alice', 'a-b'], read: bytes => checkNamespace(text(bytes)) },
  parseRepoId: {
    samples: ['alice/model', 'a/b.c-d_e'],
    read: bytes => parseRepoId(text(bytes)),
    beside: 300,
  },
  parseTreePath: {
    samples: ['a/b c/ü.bin', '.git/config', 'git~1', '.g\u200cit'],
    read: bytes => [parseTreePath(text(bytes)), parseTreePath(text(bytes), 'folder')],
    beside: 300,
  },
  textToHash: {
    samples: ['0123456789abcdef'.repeat(4)],
    read: bytes => hashToText(textToHash(text(bytes))),
    beside: 300,
  },
}

describe('whatever bytes it is given', () => {
  for (const [name, { samples, read, times = 48, beside = 1000 }] of Object.entries(readers)) {
    it(`${name} reads or refuses them, in memory that is bounded by their length`, async () => {
      const bytes = samples.map(sample => (typeof sample === 'string' ? Buffer.from(sample) : sample))
      for (const sample of bytes) expect(weigh(await attempt(() => read(sample)))).toBeDefined()
      await fc.assert(
        fc.asyncProperty(mutated(bytes), async given => {
          const before = Buffer.from(given)
          const found = await attempt(() => read(given))
          expect(weigh(found)).toBeLessThanOrEqual(times * given.length + beside)
          // What is given may be a view of what was sent, and is still to be stored.
          expect(Buffer.compare(given, before)).toBe(0)
        }),
        runs(10_000),
      )
    })
  }

  it('has every reader', () => {
    const folder = new URL('.', import.meta.url)
    const files = readdirSync(folder).filter(file => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    const found = files.flatMap(file =>
      [
        ...readFileSync(new URL(file, folder), 'utf8').matchAll(
          /^export (?:async )?(?:function\*? |class )((?:parse|decode|read|verify|check|inflate|apply)\w*|[A-Z]\w*(?:Index|Reader))\b/gm,
        ),
      ].map(match => match[1]!),
    )
    expect(found.length).toBeGreaterThan(25)
    const named = new Set(Object.keys(readers).flatMap(names => names.split(' ')))
    expect(found.filter(name => !named.has(name))).toEqual([])
  })
})

/** What was read; undefined when it was refused in words. */
async function attempt(read: () => unknown): Promise<unknown> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof MalformedInput || error instanceof LimitExceeded) {
      expect(error.message.length).toBeLessThan(2500)
      return undefined
    }
    throw error
  }
}

/** About the bytes of memory that a value takes: 8 a field, 2 a character, arrays of bytes as they are. */
function weigh(value: unknown): number {
  if (typeof value === 'string') return 16 + 2 * value.length
  if (ArrayBuffer.isView(value)) return 64 + value.byteLength
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + 8 + weigh(item), 16)
  if (typeof value !== 'object' || value === null) return 0
  return Object.entries(value).reduce((sum, [, field]) => sum + 8 + weigh(field), 24)
}
