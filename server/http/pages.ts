import type { z } from 'zod'
import { MalformedInput } from '../kernel/errors.ts'
import type { Call } from './route.ts'

/**
 * Cursor pages: the body is a bare array, the next page is named by `Link: <absolute url>; rel="next"` with every
 * query parameter kept. The form is what `huggingface_hub utils/_pagination.py` and `@huggingface/hub` parse.
 */
export function linkNextPage(call: Call, cursor: string | undefined): void {
  if (cursor === undefined) return
  const [path, ...query] = (call.request.raw.url ?? '/').split('?')
  const params = new URLSearchParams(query.join('?'))
  params.set('cursor', cursor)
  call.reply.header('link', `<${call.origin}${path}?${params}>; rel="next"`)
}

/** Cursors are opaque to clients: base64url of JSON. */
export function encodeCursor(position: unknown): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url')
}

/** Throws MalformedInput for a cursor that we did not make. */
export function readPosition<T>(cursor: string, shape: z.ZodType<T>): T {
  const position = shape.safeParse(decode(cursor))
  if (position.success) return position.data
  throw new MalformedInput('cursor', 'is not one that this hub gave out')
}

function decode(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
  } catch {
    return undefined
  }
}
