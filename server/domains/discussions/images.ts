import { randomBytes } from 'node:crypto'
import { imageTypeOf } from '../../formats/image-type.ts'
import type { User } from '../../kernel/actor.ts'
import { LimitExceeded } from '../../kernel/errors.ts'
import type { ListedObject, ObjectStore } from '../../ports/objects.ts'
import { ImageNotFound, UnknownImage } from './errors.ts'
import type { DiscussionParts } from './parts.ts'
import {
  deleteUnused,
  findImage,
  findImages,
  type Image,
  imageBytesOf,
  insertImage,
  pageOfUnused,
} from './store-images.ts'

/**
 * Images that people show in comments. Whoever has the name of one may see it, as with the pages that show it elsewhere;
 * 128 random bits, so nobody guesses it. Bytes: `images/<id>`.
 */
const prefix = 'images/'

export const imageLimit = 10 * 1024 * 1024
const imagesOfOneLimit = 1024 ** 3

/** Returns its name, `<id>.png`. Throws UnknownImage, LimitExceeded. */
export async function uploadImage(
  parts: Pick<DiscussionParts, 'database' | 'objects' | 'clock'>,
  actor: User,
  bytes: Uint8Array,
): Promise<string> {
  const type = imageTypeOf(bytes)
  if (!type) throw new UnknownImage()
  const before = await imageBytesOf(parts.database.sql, actor.id)
  if (before + bytes.length > imagesOfOneLimit) {
    throw new LimitExceeded('all images of one user', imagesOfOneLimit, 'bytes', before + bytes.length)
  }
  const id = randomBytes(16).toString('hex')
  await parts.objects.put(prefix + id, bytes)
  await insertImage(parts.database.sql, {
    id,
    user_id: actor.id,
    content_type: type.contentType,
    bytes: bytes.length,
    created_at: parts.clock(),
  })
  return `${id}.${type.extension}`
}

/** By its name. Throws ImageNotFound. */
export async function openImage(
  parts: Pick<DiscussionParts, 'database' | 'objects'>,
  name: string,
): Promise<{ image: Image; read: (range: { start: number; end: number }) => AsyncIterable<Uint8Array> }> {
  const id = /^([0-9a-f]{32})\.[a-z]+$/.exec(name)?.[1]
  const image = id === undefined ? undefined : await findImage(parts.database.sql, id)
  if (!image) throw new ImageNotFound()
  return { image, read: range => parts.objects.stream(prefix + image.id, range) }
}

/** Removes images that no comment has shown for the grace period, and bytes that no row knows. */
export async function collectImages(
  parts: Pick<DiscussionParts, 'database' | 'objects' | 'clock'>,
  { dryRun, graceMs }: { dryRun: boolean; graceMs: number },
): Promise<{ objects: number; bytes: number }> {
  const before = parts.clock() - graceMs
  const report = { objects: 0, bytes: 0 }
  for (let last = ''; ; ) {
    const page = await pageOfUnused(parts.database.sql, last, before)
    if (page.length === 0) break
    const ids = page.map(image => image.id)
    const gone = new Set(dryRun ? ids : await parts.database.transaction(tx => deleteUnused(tx, ids)))
    for (const image of page.filter(({ id }) => gone.has(id))) {
      if (!dryRun) await parts.objects.delete(prefix + image.id)
      report.objects += 1
      report.bytes += image.bytes
    }
    last = ids.at(-1) as string
  }
  for await (const batch of oldObjects(parts.objects, before)) {
    const known = await findImages(
      parts.database.sql,
      batch.map(({ key }) => key.slice(prefix.length)),
    )
    for (const { key, size } of batch.filter(({ key }) => !known.has(key.slice(prefix.length)))) {
      if (!dryRun) await parts.objects.delete(key)
      report.objects += 1
      report.bytes += size
    }
  }
  return report
}

async function* oldObjects(objects: ObjectStore, before: number): AsyncGenerator<ListedObject[]> {
  let batch: ListedObject[] = []
  for await (const object of objects.list(prefix)) {
    if (object.modifiedAt > before) continue
    batch.push(object)
    if (batch.length < 500) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}
