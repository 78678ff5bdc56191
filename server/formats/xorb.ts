import { LimitExceeded, MalformedInput } from '../kernel/errors.ts'
import { chunkHash, xorbHash } from './merkle.ts'
import { HASH_BYTES, hashToText, textToHash } from './xet-hash.ts'
import {
  isFooterAt,
  MAX_XORB_CHUNKS,
  parseXorbFooter,
  type XorbIndex,
  xorbFooterLength,
} from './xorb-footer.ts'
import { decodeFrame, FRAME_HEADER_BYTES, type FrameHeader, readFrameHeader } from './xorb-frame.ts'

/**
 * Most bytes of the frames of a xorb. hf_xet fills a xorb with 64 MiB of *raw* bytes (`MAX_XORB_BYTES`) and frames
 * them after, so data that does not compress comes out larger by its headers, although the specification says 64 MiB
 * as serialized. huggingface.js counts serialized bytes, so its raw bytes may be far more.
 */
const maxFramesBytes = 64 * 1024 * 1024 + MAX_XORB_CHUNKS * FRAME_HEADER_BYTES

/** Most bytes of a xorb as uploaded, footer included. */
export const MAX_XORB_BYTES = maxFramesBytes + xorbFooterLength(MAX_XORB_CHUNKS)

/**
 * Checks everything about an uploaded xorb: frames, limits, the hash of every chunk, the root against
 * `claimedHash` (text form), and the footer if there is one (today's clients send none; V0 and V1 are known).
 * At most one chunk is decoded at a time. About 700 MB/s of weights, without yielding: call it off the event loop.
 * Throws MalformedInput or LimitExceeded, which name the chunk and the reason.
 */
export function verifyXorb(bytes: Uint8Array, claimedHash: string): XorbIndex {
  textToHash(claimedHash, 'xorb hash')
  const subject = `xorb ${claimedHash}`
  if (bytes.length > MAX_XORB_BYTES) throw new LimitExceeded(subject, MAX_XORB_BYTES, 'bytes', bytes.length)

  const { headers, frameEnds, framesLength } = readFrameHeaders(subject, bytes)
  const hashes = new Uint8Array(headers.length * HASH_BYTES)
  const lengths = new Uint32Array(headers.length)
  for (const [i, header] of headers.entries()) {
    const start = (frameEnds[i - 1] ?? 0) + FRAME_HEADER_BYTES
    const raw = decodeFrame(`${subject}, chunk ${i}`, header, bytes.subarray(start, frameEnds[i]!))
    hashes.set(chunkHash(raw), i * HASH_BYTES)
    lengths[i] = raw.length
  }
  const root = hashToText(xorbHash({ hashes, lengths }))
  if (root !== claimedHash) throw new MalformedInput(subject, `its ${headers.length} chunks hash to ${root}`)

  const index = { hash: root, chunks: { hashes, lengths }, frameEnds, framesLength }
  if (framesLength < bytes.length) verifyXorbFooter(subject, bytes.subarray(framesLength), index)
  return index
}

/** Walks the headers alone, so that a bad length is found before any work is done. */
function readFrameHeaders(subject: string, bytes: Uint8Array) {
  const headers: FrameHeader[] = []
  const ends: number[] = []
  let at = 0
  while (at < bytes.length && !isFooterAt(bytes, at)) {
    const i = headers.length
    if (i === MAX_XORB_CHUNKS) throw new LimitExceeded(`${subject}: its chunks`, MAX_XORB_CHUNKS, 'chunks')
    const header = readFrameHeader(`${subject}, chunk ${i}`, bytes, at)
    at += FRAME_HEADER_BYTES + header.storedLength
    if (at > bytes.length) {
      throw new MalformedInput(
        `${subject}, chunk ${i}`,
        `ends at ${at}, but the xorb has ${bytes.length} bytes`,
      )
    }
    if (at > maxFramesBytes) throw new LimitExceeded(`${subject}: its frames`, maxFramesBytes, 'bytes', at)
    headers.push(header)
    ends.push(at)
  }
  if (headers.length === 0) throw new MalformedInput(subject, 'holds no chunks')
  return { headers, frameEnds: Uint32Array.from(ends), framesLength: at }
}

/** Throws MalformedInput unless `bytes` are one footer, V0 or V1, and it says of the frames before it what `index` says. */
export function verifyXorbFooter(subject: string, bytes: Uint8Array, index: XorbIndex): void {
  const footer = parseXorbFooter(subject, bytes)
  const differ = (what: string): never => {
    throw new MalformedInput(subject, `footer: ${what} differ from the frames before it`)
  }
  const rawEnds = new Uint32Array(index.chunks.lengths.length)
  for (let i = 0, end = 0; i < rawEnds.length; i++) {
    end += index.chunks.lengths[i]!
    rawEnds[i] = end
  }
  if (footer.hash !== index.hash) throw new MalformedInput(subject, `footer: names the xorb ${footer.hash}`)
  if (Buffer.compare(footer.hashes, index.chunks.hashes) !== 0) differ('chunk hashes')
  if (!areEqual(footer.frameEnds, index.frameEnds)) differ('frame ends')
  if (footer.rawEnds && !areEqual(footer.rawEnds, rawEnds)) differ('chunk ends')
}

function areEqual(a: Uint32Array, b: Uint32Array): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i])
}
