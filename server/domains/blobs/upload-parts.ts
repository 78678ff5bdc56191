import { MalformedInput } from '../../kernel/errors.ts'
import { newId } from '../../kernel/ids.ts'
import { inBlocks } from './block-memory.ts'
import { ContentMismatch, PartsMissing, UploadNotKnown } from './errors.ts'
import { describeFiles } from './hold-files.ts'
import { ingestFile } from './ingest-file.ts'
import type { BlobParts } from './parts.ts'
import { completeUpload, insertUpload, touchUpload } from './store-uploads.ts'
import type { StoredFile } from './stored-file.ts'
import type { UploadsTable } from './tables.ts'

export interface MultipartUpload {
  readonly id: string
  /** Bytes of every part but the last. */
  readonly partSize: number
  /** Parts are numbered from 1. */
  readonly count: number
}

const smallestPart = 64 * 1024 * 1024
/** So many URLs fit into one answer. */
const mostParts = 1000

export const uploadPrefix = 'uploads/'

function partPrefix(id: string): string {
  return `${uploadPrefix}${id}/`
}

const partKey = (id: string, number: number) => `${partPrefix(id)}${number}`

/** Opens an upload in parts, which may come in any order, at once, and again. */
export async function beginMultipart(
  parts: Pick<BlobParts, 'database' | 'clock'>,
  holder: string,
  sha256: string,
  size: number,
): Promise<MultipartUpload> {
  const mebibytes = Math.ceil(size / mostParts / 1024 / 1024)
  const partSize = Math.max(smallestPart, mebibytes * 1024 * 1024)
  const now = parts.clock()
  const id = newId(now)
  await insertUpload(parts.database.sql, {
    id,
    holder,
    sha256,
    size,
    part_size: partSize,
    touched_at: now,
    completed_at: null,
  })
  return { id, partSize, count: countOf(size, partSize) }
}

function countOf(size: number, partSize: number): number {
  return Math.max(1, Math.ceil(size / partSize))
}

function partBytes(upload: UploadsTable, number: number): number {
  return Math.min(upload.part_size, upload.size - (number - 1) * upload.part_size)
}

/**
 * Stores part `number`, in place of what came for it before. A part that comes again after the upload is complete is
 * not needed any more. A piece of `source` is not looked at again once the next is asked for. Throws UploadNotKnown, MalformedInput or ContentMismatch.
 */
export async function putPart(
  parts: Pick<BlobParts, 'database' | 'objects' | 'clock' | 'blocks'>,
  id: string,
  number: number,
  source: AsyncIterable<Uint8Array>,
): Promise<void> {
  const upload = await touchUpload(parts.database.sql, id, parts.clock())
  if (!upload) throw new UploadNotKnown(id)
  const count = countOf(upload.size, upload.part_size)
  if (!Number.isInteger(number) || number < 1 || number > count) {
    throw new MalformedInput('part number', `${number} is not one of 1 to ${count}`)
  }
  const expected = partBytes(upload, number)
  if (upload.completed_at !== null) {
    for await (const _ of ofSize(source, expected));
    return
  }
  const key = partKey(id, number)
  // An object is never replaced, so the earlier one has to go. Until the upload is complete nobody reads it.
  await parts.objects.delete(key)
  await parts.objects.put(key, inBlocks(ofSize(source, expected), parts.blocks))
}

async function* ofSize(source: AsyncIterable<Uint8Array>, expected: number): AsyncGenerator<Uint8Array> {
  let size = 0
  for await (const bytes of source) {
    size += bytes.length
    if (size > expected) throw new ContentMismatch('size', expected, `over ${expected}`)
    yield bytes
  }
  if (size !== expected) throw new ContentMismatch('size', expected, size)
}

/**
 * Makes a file of the parts: takes them in like one stream, with all its checks, and deletes them. Completing again
 * gives the same file. Throws UploadNotKnown, PartsMissing or ContentMismatch, after which parts may be put again.
 */
export async function completeMultipart(parts: BlobParts, id: string): Promise<StoredFile> {
  const upload = await touchUpload(parts.database.sql, id, parts.clock())
  if (!upload) throw new UploadNotKnown(id)
  if (upload.completed_at !== null) return await completed(parts, upload)
  try {
    await checkParts(parts, upload)
    const file = await ingestFile(parts, upload.holder, readParts(parts, upload), upload)
    await completeUpload(parts.database.sql, id, parts.clock())
    await deleteParts(parts, id)
    return file
  } catch (error) {
    // Asked twice at once: the other request has completed it, and the parts are gone.
    const now = await touchUpload(parts.database.sql, id, parts.clock())
    if (now && now.completed_at !== null) return await completed(parts, now)
    throw error
  }
}

async function completed(parts: Pick<BlobParts, 'database'>, upload: UploadsTable): Promise<StoredFile> {
  const file = (await describeFiles(parts.database.sql, upload.holder, [upload.sha256])).get(upload.sha256)
  if (!file) throw new UploadNotKnown(upload.id)
  return file
}

async function checkParts(parts: Pick<BlobParts, 'objects'>, upload: UploadsTable): Promise<void> {
  const sizes = new Map<string, number>()
  for await (const { key, size } of parts.objects.list(partPrefix(upload.id))) sizes.set(key, size)
  const missing: number[] = []
  for (let number = 1; number <= countOf(upload.size, upload.part_size); number++) {
    if (sizes.get(partKey(upload.id, number)) !== partBytes(upload, number)) missing.push(number)
  }
  if (missing.length > 0) throw new PartsMissing(upload.id, missing)
}

async function* readParts(
  parts: Pick<BlobParts, 'database' | 'objects' | 'clock'>,
  upload: UploadsTable,
): AsyncGenerator<Uint8Array> {
  for (let number = 1; number <= countOf(upload.size, upload.part_size); number++) {
    await touchUpload(parts.database.sql, upload.id, parts.clock())
    yield* parts.objects.stream(partKey(upload.id, number))
  }
}

export async function deleteParts(parts: Pick<BlobParts, 'objects'>, id: string): Promise<void> {
  for await (const { key } of parts.objects.list(partPrefix(id))) await parts.objects.delete(key)
}
