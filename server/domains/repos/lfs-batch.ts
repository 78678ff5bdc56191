import { signPath } from '../../http/signed-url.ts'
import type { Actor, User } from '../../kernel/actor.ts'
import type { Delegation } from '../../kernel/delegation.ts'
import { type Repository, repoPath } from '../../kernel/repository.ts'
import type { RepoParts } from './parts.ts'
import { delegate, findUploads, uploadHolder } from './uploads.ts'

/** git-lfs batch API (docs/api/batch.md of git-lfs), with the `multipart` transfer of huggingface_hub `lfs.py`. */

export interface LfsObject {
  readonly oid: string
  readonly size: number
}

export interface LfsAnswer extends LfsObject {
  authenticated?: true
  /** Absent when there is nothing to do: `null` breaks the Python client. */
  actions?: Record<string, { href: string; header?: Record<string, string>; expires_in?: number }>
  error?: { code: number; message: string }
}

/** Seconds that URLs are good for. All parts of a large upload are named at its start, and a slow line needs hours. */
const lifetimeOf = { GET: 60 * 60, PUT: 24 * 60 * 60, POST: 24 * 60 * 60 }
/** Above this a client that can sends parts, so that a cut line costs one part. */
const multipartThreshold = 512 * 1024 * 1024
/** URLs of parts in one answer, some megabytes of them: 256 files of 8 GB each, and some more. */
const mostPartUrls = 40_000
/** As much as a shard may declare. */
const largestFile = 1024 ** 4

/** A repository, and what URLs to objects there rest on. */
interface Place {
  readonly repo: Repository
  readonly delegation: Delegation
}

/**
 * Signed URLs under `<repo>.git/info/lfs/`: they bind the object, its size, the method and what they were given for. The
 * repository's id is among it because a name may come to mean another repository while the URL is good.
 */
function lfsUrl(
  parts: Pick<RepoParts, 'signer' | 'clock'>,
  origin: string,
  { repo, delegation }: Place,
  method: 'GET' | 'PUT' | 'POST',
  path: string,
): string {
  const target = `${repoPath(repo)}.git/info/lfs/${path}`
  return (
    origin + signPath(parts.signer, method, target, delegation, parts.clock() + lifetimeOf[method] * 1000)
  )
}

export async function downloadAnswers(
  parts: RepoParts,
  origin: string,
  repo: Repository,
  actor: Actor,
  objects: readonly LfsObject[],
): Promise<LfsAnswer[]> {
  const place = { repo, delegation: delegate(actor, repo, repo.id) }
  const stored = await parts.blobs.describe(repo.id, [...new Set(objects.map(object => object.oid))])
  return objects.map(({ oid, size }) => {
    const file = stored.get(oid)
    if (!file) return { oid, size, error: { code: 404, message: 'This repository has no such object' } }
    const href = lfsUrl(parts, origin, place, 'GET', `objects/${oid}`)
    return {
      oid,
      size: file.size,
      authenticated: true,
      actions: { download: { href, expires_in: lifetimeOf.GET } },
    }
  })
}

/**
 * What is here needs no upload: held by this repository already, waiting for a commit, or readable by this user in another one. Whether some
 * other, hidden repository holds the bytes is not told; they travel then, and are stored once all the same.
 */
export async function uploadAnswers(
  parts: RepoParts,
  origin: string,
  repo: Repository,
  actor: User,
  objects: readonly LfsObject[],
  allowMultipart: boolean,
): Promise<LfsAnswer[]> {
  const wanted = [...new Set(objects.map(object => object.oid))]
  const described = await findUploads(parts, actor, repo, wanted)
  const damaged = await parts.blobs.findDamaged([...described.values()].map(file => file.fileHash))
  // What turned out to be something else, or has been damaged, may be uploaded again.
  const held = new Set(
    [...described]
      .filter(([, file]) => file.state !== 'refuted' && !damaged.has(file.fileHash))
      .map(([sha256]) => sha256),
  )
  const absent = wanted.filter(sha256 => !held.has(sha256))
  const holder = uploadHolder(parts, actor, repo)
  const place = { repo, delegation: delegate(actor, repo, holder) }
  const adopted = await parts.blobs.adopt(actor.id, holder, absent)
  const answers: LfsAnswer[] = []
  let partUrls = 0
  for (const object of objects) {
    const isHere = held.has(object.oid) || adopted.has(object.oid)
    if (isHere) answers.push({ ...object })
    else if (object.size > largestFile) answers.push({ ...object, error: tooLarge })
    else {
      const inParts = allowMultipart && object.size >= multipartThreshold && partUrls < mostPartUrls
      const answer = await uploadAnswer(parts, origin, place, object, inParts)
      partUrls += Object.keys(answer.actions?.upload?.header ?? {}).length
      answers.push(answer)
    }
  }
  return answers
}

const tooLarge = { code: 422, message: `this file is over the limit of ${largestFile} bytes` }

async function uploadAnswer(
  parts: RepoParts,
  origin: string,
  place: Place,
  { oid, size }: LfsObject,
  inParts: boolean,
): Promise<LfsAnswer> {
  const verify = { href: lfsUrl(parts, origin, place, 'POST', `objects/${oid}/verify`) }
  if (!inParts) {
    const href = lfsUrl(parts, origin, place, 'PUT', `objects/${oid}/${size}`)
    return {
      oid,
      size,
      authenticated: true,
      actions: { upload: { href, expires_in: lifetimeOf.PUT }, verify },
    }
  }
  const upload = await parts.blobs.beginMultipart(place.delegation.holder, oid, size)
  const header: Record<string, string> = { chunk_size: String(upload.partSize) }
  for (let part = 1; part <= upload.count; part++) {
    header[String(part).padStart(5, '0')] = lfsUrl(
      parts,
      origin,
      place,
      'PUT',
      `uploads/${upload.id}/${part}`,
    )
  }
  const href = lfsUrl(parts, origin, place, 'POST', `uploads/${upload.id}`)
  return {
    oid,
    size,
    authenticated: true,
    actions: { upload: { href, header, expires_in: lifetimeOf.PUT }, verify },
  }
}
