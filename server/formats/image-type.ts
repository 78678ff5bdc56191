export interface ImageType {
  readonly contentType: string
  readonly extension: string
}

/**
 * What image the bytes are of, by how they begin; undefined for all else. Only what browsers show without running
 * anything: no SVG, which is a page. Sources: the PNG specification 5.2, JPEG (ITU-T T.81 B.1.1), GIF89a section 17,
 * WebP (RFC 9649 2.4).
 */
export function imageTypeOf(bytes: Uint8Array): ImageType | undefined {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 16)).toString('latin1')
  return types.find(({ isOf }) => isOf(head))?.type
}

const types: readonly { readonly isOf: (head: string) => boolean; readonly type: ImageType }[] = [
  {
    isOf: head => head.startsWith('\x89PNG\r\n\x1a\n'),
    type: { contentType: 'image/png', extension: 'png' },
  },
  { isOf: head => head.startsWith('\xff\xd8\xff'), type: { contentType: 'image/jpeg', extension: 'jpg' } },
  { isOf: head => /^GIF8[79]a/.test(head), type: { contentType: 'image/gif', extension: 'gif' } },
  {
    isOf: head => head.startsWith('RIFF') && /^WEBPVP8[ LX]/.test(head.slice(8)),
    type: { contentType: 'image/webp', extension: 'webp' },
  },
]

/** All that there are. */
export const imageTypes: readonly string[] = types.map(({ type }) => type.contentType)
