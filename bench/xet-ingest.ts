import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Blake3Hasher } from '@napi-rs/blake-hash'
import { uncompressSync } from 'lz4-napi'
import { BlockMemory } from '../server/domains/blobs/block-memory.ts'
import { isFault, measureFrames } from '../server/domains/blobs/frame-work.ts'
import { splitFrames } from '../server/domains/blobs/split-frames.ts'
import { concatChunks, totalLength } from '../server/formats/chunk-list.ts'
import { xorbHash } from '../server/formats/merkle.ts'
import { hashToText } from '../server/formats/xet-hash.ts'
import { decodeXorbFooter } from '../server/formats/xorb-footer.ts'
import { FRAME_HEADER_BYTES, readFrameHeader } from '../server/formats/xorb-frame.ts'
import { megabytesPerSecond } from './kit/bench.ts'
import type { Figure } from './kit/figure.ts'
import { storedWeights } from './kit/stored-file.ts'

/** Xorbs in memory, four of 64 MiB at most. */
const xorbsUsed = 4
const socketBytes = 64 * 1024
const memory = new BlockMemory()

export const figure: Figure = {
  name: 'xet-ingest',
  question:
    'How many MB of decoded chunks of hf_xet does one core verify each second, from upload body to xorb hash?',
  unit: 'MB/s',
  reference: 'LZ4 decode (native, lz4-napi) and BLAKE3 of the same bytes alone, frames cut beforehand',
  target: [
    { of: 'ratio', atLeast: 0.7 },
    { of: 'ours', atLeast: 300 },
  ],
  async run(bench) {
    const { hub } = await bench.shared(storedWeights)
    const xorbs = await readXorbs(join(hub.data, 'objects/xorbs'))
    const blocks = xorbs.flatMap(xorb => blocksOf(xorb.frames))
    const bytes = xorbs.reduce((sum, xorb) => sum + xorb.rawBytes, 0)
    const perCoreSecond = async (work: () => Promise<void> | void) => {
      const before = process.cpuUsage()
      await work()
      const { user, system } = process.cpuUsage(before)
      return megabytesPerSecond(bytes, (user + system) / 1e6)
    }
    const rounds = await bench.interleave({
      rounds: 5,
      warmUp: true,
      ours: () =>
        perCoreSecond(async () => {
          for (const xorb of xorbs) await verify(xorb)
        }),
      reference: () => perCoreSecond(() => decodeAndHash(blocks)),
    })
    return {
      ...rounds,
      facts: { rawBytes: bytes, frames: blocks.length, time: 'processor time of the process' },
    }
  },
}

interface Xorb {
  readonly hash: string
  /** As a client sends it: without footer. */
  readonly frames: Uint8Array
  readonly rawBytes: number
}

async function readXorbs(folder: string): Promise<Xorb[]> {
  const xorbs: Xorb[] = []
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || xorbs.length === xorbsUsed) continue
    const object = await readFile(join(entry.parentPath, entry.name))
    const { hash, chunks, framesLength } = decodeXorbFooter(entry.name, object)
    xorbs.push({ hash, frames: object.subarray(0, framesLength), rawBytes: totalLength(chunks) })
  }
  if (xorbs.length === 0) throw new Error('the hub has stored no xorb')
  return xorbs
}

/** What the hub does with an upload, in one thread and without its disk: see `receive-xorb.ts`. */
async function verify({ hash, frames }: Xorb): Promise<void> {
  const facts = []
  for await (const batch of splitFrames(`xorb ${hash}`, asFromSocket(frames), memory)) {
    if ('footer' in batch) throw new Error('there was to be no footer')
    const measured = measureFrames(batch)
    memory.give(batch.bytes)
    if (isFault(measured)) throw new Error(measured.fault)
    facts.push(measured)
  }
  if (hashToText(xorbHash(concatChunks(facts))) !== hash) throw new Error(`xorb ${hash} has another hash`)
}

async function* asFromSocket(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += socketBytes) yield bytes.subarray(at, at + socketBytes)
}

/** The blocks of one frame: compressed ones with the u32 before them that the decoder wants, others as they are. */
interface FrameBlocks {
  readonly compressed: readonly Uint8Array[]
  readonly plain: readonly Buffer[]
}

function blocksOf(frames: Uint8Array): FrameBlocks[] {
  const found: FrameBlocks[] = []
  for (let at = 0; at < frames.length; ) {
    const header = readFrameHeader('frame', frames, at)
    const start = at + FRAME_HEADER_BYTES
    at = start + header.storedLength
    const stored = frames.subarray(start, at)
    found.push(
      header.scheme === 0
        ? { compressed: [], plain: [Buffer.from(stored.buffer, stored.byteOffset, stored.length)] }
        : lz4Blocks(stored, header.rawLength),
    )
  }
  return found
}

/** As hf_xet writes them: independent blocks without checksums, each full but the last. */
function lz4Blocks(frame: Uint8Array, rawLength: number): FrameBlocks {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length)
  if (frame[4] !== 0x60) throw new Error(`an LZ4 frame with flags ${frame[4]}: this reference cannot read it`)
  const blockBytes = 1 << (2 * (frame[5]! >> 4) + 8)
  const compressed: Uint8Array[] = []
  const plain: Buffer[] = []
  let left = rawLength
  for (let at = 7; ; ) {
    const word = view.getUint32(at, true)
    if (word === 0) return { compressed, plain }
    const block = frame.subarray(at + 4, at + 4 + (word & 0x7fffffff))
    at += 4 + block.length
    if (word >= 0x80000000) {
      plain.push(Buffer.from(block.buffer, block.byteOffset, block.length))
    } else {
      const prefixed = new Uint8Array(block.length + 4)
      new DataView(prefixed.buffer).setUint32(0, Math.min(left, blockBytes), true)
      prefixed.set(block, 4)
      compressed.push(prefixed)
    }
    left -= blockBytes
  }
}

function decodeAndHash(frames: readonly FrameBlocks[]): void {
  const hasher = Blake3Hasher.newKeyed(Buffer.alloc(32))
  for (const { compressed, plain } of frames) {
    hasher.reset()
    for (const block of compressed) hasher.update(uncompressSync(block))
    for (const block of plain) hasher.update(block)
    hasher.digest('hex')
  }
}
