import { concatChunks } from '../../formats/chunk-list.ts'
import { xorbHash } from '../../formats/merkle.ts'
import { hashToText, textToHash } from '../../formats/xet-hash.ts'
import { verifyXorbFooter } from '../../formats/xorb.ts'
import { encodeXorbFooter, type XorbIndex } from '../../formats/xorb-footer.ts'
import { MalformedInput } from '../../kernel/errors.ts'
import type { ObjectStore } from '../../ports/objects.ts'
import type { CasClaims } from './cas-token.ts'
import { removalOf } from './delete-doomed.ts'
import { XorbBeingCollected } from './errors.ts'
import { type FrameFacts, type FrameFault, type Frames, isFault } from './frame-work.ts'
import type { BlobParts } from './parts.ts'
import { recordXorb } from './record-xorb.ts'
import { splitFrames } from './split-frames.ts'
import { findXorbs, useXorbs } from './store-xorbs.ts'
import { findVisibleXorbs } from './visible-xorbs.ts'
import { xorbKey } from './xorb-objects.ts'

/**
 * Takes in a xorb that a client uploads under the hash that it claims. It is decoded and hashed as it arrives, and
 * stored only if all of it is true. Says whether it is new *as far as the client may know*: a xorb that only hidden
 * content has is new to it. Throws MalformedInput, LimitExceeded or XorbBeingCollected. Holds about 5 MiB. A piece of
 * `body` is not looked at again once the next is asked for.
 */
export async function receiveXorb(
  parts: BlobParts,
  claims: CasClaims,
  hash: string,
  body: AsyncIterable<Uint8Array>,
): Promise<{ wasInserted: boolean }> {
  textToHash(hash, 'xorb hash')
  // Before the bytes travel in vain.
  const removal = await removalOf(parts, hash)
  const row = (await findXorbs(parts.database.sql, [hash])).get(hash)
  const object = verifiedObject(parts, hash, body)
  const isRepaired = row !== undefined && row.damaged_at !== null
  const isStored =
    row !== undefined && !isRepaired && (await parts.objects.size(xorbKey(hash))) === row.object_bytes
  try {
    if (isRepaired) await replaceObject(parts.objects, xorbKey(hash), object)
    else if (!isStored) await parts.objects.put(xorbKey(hash), withoutReturn(object))
    // What is stored already is not read; the client still has to show what it claims to have.
    await drain(object)
  } finally {
    await object.return()
  }
  if (!isStored) {
    await recordXorb(parts, claims.holder, hash, { removal, isRepaired })
    return { wasInserted: true }
  }
  const used = await parts.database.transaction(tx => useXorbs(tx, [hash]))
  if (!used.has(hash)) throw new XorbBeingCollected(hash)
  const visible = await findVisibleXorbs(parts, claims, [row])
  return { wasInserted: !visible.has(hash) }
}

async function replaceObject(
  objects: ObjectStore,
  key: string,
  bytes: AsyncIterable<Uint8Array>,
): Promise<void> {
  const staged = await objects.stage()
  try {
    for await (const piece of bytes) await staged.append([piece])
    await staged.replace(key)
  } finally {
    await staged.discard()
  }
}

async function drain(bytes: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of bytes);
}

/** Hands on `source` in a way that leaves it open when the reader stops early. */
async function* withoutReturn(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]()
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value
}

/** Batches that are being verified while the next one arrives. */
const pendingBatches = 2

/**
 * The object to store for an uploaded xorb: its frames, then our footer. The end is given only if everything before it
 * is true. Each piece is good until the next is asked for.
 */
async function* verifiedObject(
  parts: Pick<BlobParts, 'frames' | 'blocks'>,
  hash: string,
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const subject = `xorb ${hash}`
  const pending: { readonly batch: Frames; readonly measured: Promise<FrameFacts | FrameFault> }[] = []
  const facts: FrameFacts[] = []
  const settle = async (): Promise<void> => {
    const result = await pending[0]!.measured
    parts.blocks.give(pending.shift()!.batch.bytes)
    if (isFault(result)) throw new MalformedInput(subject, result.fault)
    facts.push(result)
  }
  let footer: Uint8Array | undefined
  try {
    for await (const batch of splitFrames(subject, body, parts.blocks)) {
      if ('footer' in batch) {
        footer = batch.footer
        continue
      }
      const measured = parts.frames.measure(batch)
      measured.catch(() => {})
      pending.push({ batch, measured })
      if (pending.length > pendingBatches) await settle()
      yield batch.bytes
    }
    while (pending.length > 0) await settle()
  } finally {
    for (const { batch, measured } of pending) {
      await measured.catch(() => {})
      parts.blocks.give(batch.bytes)
    }
  }
  const index = indexOf(hash, facts)
  if (footer) verifyXorbFooter(subject, footer, index)
  yield encodeXorbFooter(index)
}

function indexOf(hash: string, facts: readonly FrameFacts[]): XorbIndex {
  const chunks = concatChunks(facts)
  const root = hashToText(xorbHash(chunks))
  if (root !== hash) {
    throw new MalformedInput(`xorb ${hash}`, `its ${chunks.lengths.length} chunks hash to ${root}`)
  }
  const frameEnds = new Uint32Array(chunks.lengths.length)
  let at = 0
  let base = 0
  for (const { ends } of facts) {
    for (const end of ends) frameEnds[at++] = base + end
    base += ends.at(-1) ?? 0
  }
  return { hash, chunks, frameEnds, framesLength: base }
}
