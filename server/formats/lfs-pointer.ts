import { MalformedInput } from '../kernel/errors.ts'

/** A pointer text is smaller than this many bytes; a blob of this size or more is never a pointer (git-lfs docs/spec.md, "The Pointer"). */
export const LFS_POINTER_LIMIT = 1024

/** What a pointer stands for: the sha256 (64 lower-case hex digits) and size in bytes of the LFS object. */
export type LfsPointer = { readonly sha256: string; readonly size: number }

const WRITTEN_VERSION = 'https://git-lfs.github.com/spec/v1'
/** git-lfs reads these three and writes only the last (lfs/pointer.go: v1Aliases). */
const READ_VERSIONS = new Set([
  'http://git-media.io/v/2',
  'https://hawser.github.com/spec/v1',
  WRITTEN_VERSION,
])

const SHA256 = /^[0-9a-f]{64}$/
const OID = /^sha256:([0-9a-f]{64})$/
const EXTENSION_KEY = /^ext-(\d)-\w+/

/**
 * The one valid pointer text for an LFS object: version, oid, size, each line ending in LF.
 * Throws MalformedInput for a sha256 or size that no pointer can hold.
 */
export function encodeLfsPointer(pointer: LfsPointer): Uint8Array {
  const { sha256, size } = pointer
  if (!SHA256.test(sha256)) {
    throw new MalformedInput(
      'LFS pointer',
      `oid must be 64 lower-case hex digits, not ${JSON.stringify(sha256)}`,
    )
  }
  if (!Number.isSafeInteger(size) || size < 0) {
    throw new MalformedInput('LFS pointer', `size must be a whole number of bytes from 0, not ${size}`)
  }
  return Buffer.from(`version ${WRITTEN_VERSION}\noid sha256:${sha256}\nsize ${size}\n`)
}

/**
 * Reads a blob as a pointer, or undefined if git-lfs would check it out as it stands. As lenient as git-lfs
 * itself (lfs/pointer.go: decodeKV), because what its smudge filter replaces is what the hub must serve as LFS:
 * blank lines, CRLF, a missing last newline, the older versions and `ext-N-name` lines are accepted.
 * An empty blob is an empty file, not a pointer.
 */
export function parseLfsPointer(blob: Uint8Array): LfsPointer | undefined {
  if (blob.length === 0 || blob.length >= LFS_POINTER_LIMIT) return undefined
  const text = Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength).toString('latin1')
  const values: string[] = []
  const priorities = new Map<string, string>()
  for (const raw of text.replace(/^[\t-\r ]+|[\t-\r ]+$/g, '').split('\n')) {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw
    if (line === '') continue
    const space = line.indexOf(' ')
    const key = line.slice(0, space)
    const value = line.slice(space + 1)
    if (space < 0 || values.length === 3) return undefined
    if (key === ['version', 'oid', 'size'][values.length]) {
      values.push(value)
      continue
    }
    const priority = EXTENSION_KEY.exec(key)?.[1]
    if (priority === undefined || !OID.test(value) || (priorities.get(priority) ?? key) !== key)
      return undefined
    priorities.set(priority, key)
  }
  const [version = '', oid = '', sizeText = ''] = values
  const sha256 = OID.exec(oid)?.[1]
  const size = /^\d{1,16}$/.test(sizeText) ? Number(sizeText) : Number.NaN
  if (!READ_VERSIONS.has(version) || sha256 === undefined || !Number.isSafeInteger(size)) return undefined
  return { sha256, size }
}
