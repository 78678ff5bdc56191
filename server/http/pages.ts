import type { Call } from './route.ts'

/**
 * Cursor pages: the body is a bare array, the next page is named by `Link: <absolute url>; rel="next"` with every
 * query parameter kept. The form is what `huggingface_hub utils/_pagination.py` and `@huggingface/hub` parse.
 */
export function linkNextPage(call: Call, cursor: string | undefined): void {
  if (cursor === undefined) return
  const url = new URL(call.request.raw.url ?? '/', call.origin)
  url.searchParams.set('cursor', cursor)
  call.reply.header('link', `<${url.href}>; rel="next"`)
}

/** Cursors are opaque to clients: base64url of JSON. Undefined for one that we did not make. */
export function encodeCursor(position: unknown): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url')
}

export function decodeCursor(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
  } catch {
    return undefined
  }
}
