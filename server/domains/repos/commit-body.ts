import { isUtf8 } from 'node:buffer'
import { z } from 'zod'
import { LimitExceeded, MalformedInput } from '../../kernel/errors.ts'
import { checkPath } from './check-path.ts'

/** One change of a commit, in the order in which it was sent. */
export type Operation =
  | { readonly kind: 'file'; readonly path: string; readonly oid: string }
  | { readonly kind: 'lfs-file'; readonly path: string; readonly sha256: string; readonly size?: number }
  | { readonly kind: 'delete-file'; readonly path: string }
  | { readonly kind: 'delete-folder'; readonly path: string }

/** Stores a regular file's content and returns its blob id. */
export type KeepFile = (path: string, content: Uint8Array) => Promise<string>

export interface CommitHeader {
  readonly summary: string
  readonly description: string
  readonly parentCommit?: string
}

/** Regular files above this go to LFS or Xet; preupload says so, and a line is not longer than it takes. */
export const regularFileLimit = 10 * 1024 * 1024
const lineLimit = Math.ceil(regularFileLimit / 3) * 4 + 16 * 1024
/** What one commit may carry in regular files; the clients cut their commits at 100 MB. */
const regularTotalLimit = 256 * 1024 * 1024
const operationLimit = 100_000
/** Blank ones count: a gigabyte of them is a megabyte when compressed. */
const lineCountLimit = 2 * operationLimit

const headerLine = z.object({
  summary: z.string().max(4096),
  description: z.string().max(65_536).nullish(),
  parentCommit: z
    .string()
    .regex(/^[0-9a-f]{40}$/, 'must be a full commit id of 40 hex digits')
    .nullish(),
})
const fileLine = z.object({
  path: z.string(),
  content: z.string(),
  encoding: z.enum(['base64', 'utf-8']).default('utf-8'),
})
const lfsLine = z.object({
  path: z.string(),
  algo: z.literal('sha256').default('sha256'),
  oid: z.string().regex(/^[0-9a-f]{64}$/, 'must be a sha256 of 64 hex digits'),
  size: z.number().int().nonnegative().nullish(),
})
const deleteLine = z.object({ path: z.string() })

/**
 * Reads the NDJSON body of a commit: a `header` line, then one operation a line (huggingface_hub
 * `_commit_api.py:_prepare_commit_payload`, @huggingface/hub `src/lib/commit.ts`). Each regular file goes to `keep` as
 * it arrives, which returns its blob id. Throws MalformedInput naming the line, LimitExceeded.
 */
export async function readCommitBody(
  body: AsyncIterable<Uint8Array>,
  keep: KeepFile,
): Promise<{ header: CommitHeader; operations: Operation[] }> {
  let header: CommitHeader | undefined
  const operations: Operation[] = []
  let regularBytes = 0
  let number = 0
  for await (const line of lines(body)) {
    number++
    if (number > lineCountLimit) throw new LimitExceeded('one commit', lineCountLimit, 'lines')
    if (line.length === 0) continue
    const subject = `commit line ${number}`
    const { key, value } = parseLine(subject, line)
    if (key === 'header') {
      if (header) throw new MalformedInput(subject, 'is a second header; there is one, and it comes first')
      const { summary, description, parentCommit } = check(subject, headerLine, value)
      header = { summary, description: description ?? '', ...(parentCommit && { parentCommit }) }
      continue
    }
    if (!header) throw new MalformedInput(subject, 'comes before the header line')
    const keepWithin: KeepFile = (path, content) => {
      regularBytes += content.length
      if (regularBytes > regularTotalLimit) {
        throw new LimitExceeded('the regular files of one commit', regularTotalLimit, 'bytes')
      }
      return keep(path, content)
    }
    operations.push(await toOperation(subject, key, value, keepWithin))
    if (operations.length > operationLimit)
      throw new LimitExceeded('one commit', operationLimit, 'operations')
  }
  if (!header) throw new MalformedInput('commit', 'has no header line')
  return { header, operations }
}

async function toOperation(
  subject: string,
  key: unknown,
  value: unknown,
  keep: KeepFile,
): Promise<Operation> {
  switch (key) {
    case 'file': {
      const line = check(subject, fileLine, value)
      const content =
        line.encoding === 'base64' ? decodeBase64(subject, line.content) : Buffer.from(line.content)
      if (content.length > regularFileLimit) {
        throw new LimitExceeded(`${line.path} as a regular file`, regularFileLimit, 'bytes', content.length)
      }
      const path = checkPath(line.path)
      return { kind: 'file', path, oid: await keep(path, content) }
    }
    case 'lfsFile': {
      const line = check(subject, lfsLine, value)
      const size = line.size ?? undefined
      return {
        kind: 'lfs-file',
        path: checkPath(line.path),
        sha256: line.oid,
        ...(size !== undefined && { size }),
      }
    }
    case 'deletedFile':
      return { kind: 'delete-file', path: checkPath(check(subject, deleteLine, value).path) }
    case 'deletedFolder':
      return {
        kind: 'delete-folder',
        path: checkPath(check(subject, deleteLine, value).path, 'folder'),
      }
    default:
      throw new MalformedInput(
        subject,
        `has the key ${JSON.stringify(key)}; it must be file, lfsFile, deletedFile or deletedFolder`,
      )
  }
}

function parseLine(subject: string, line: Buffer): { key?: unknown; value?: unknown } {
  // Decoding puts U+FFFD for what is broken, and a file would get a name that nobody gave it.
  if (!isUtf8(line)) throw new MalformedInput(subject, 'is not UTF-8')
  try {
    const parsed: unknown = JSON.parse(line.toString('utf8'))
    if (typeof parsed === 'object' && parsed !== null) return parsed
  } catch {
    // Answered below: a cut line and a line that is no object are the same mistake.
  }
  throw new MalformedInput(subject, 'is not a JSON object; was the upload cut?')
}

function check<T>(subject: string, shape: z.ZodType<T>, value: unknown): T {
  const result = shape.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  throw new MalformedInput(subject, `${issue?.path.join('.') || 'value'}: ${issue?.message}`)
}

/** Throws MalformedInput for what is not base64, with or without its padding. */
export function decodeBase64(subject: string, text: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64')
  const unpadded = text.replace(/={1,2}$/, '')
  // Buffer skips what is not base64; the length tells whether it did. A single last character is six bits of nothing.
  if (bytes.length !== Math.floor((unpadded.length * 3) / 4) || unpadded.length % 4 === 1) {
    throw new MalformedInput(subject, 'content is not valid base64')
  }
  return bytes
}

/** Splits at newlines with bounded memory; a line of nothing but white space is empty. */
async function* lines(body: AsyncIterable<Uint8Array>): AsyncIterable<Buffer> {
  let held: Uint8Array[] = []
  let heldBytes = 0
  for await (const piece of body) {
    let start = 0
    for (let end = piece.indexOf(10); end >= 0; end = piece.indexOf(10, start)) {
      held.push(piece.subarray(start, end))
      const line = lineOf(held)
      held = []
      heldBytes = 0
      start = end + 1
      yield line
    }
    held.push(piece.subarray(start))
    heldBytes += piece.length - start
    if (heldBytes > lineLimit) throw new LimitExceeded('one commit line', lineLimit, 'bytes')
  }
  yield lineOf(held)
}

function lineOf(pieces: readonly Uint8Array[]): Buffer {
  const line = Buffer.concat(pieces)
  const isBlank = line.length < 100 && line.toString('latin1').trim() === ''
  return isBlank ? line.subarray(0, 0) : line
}
