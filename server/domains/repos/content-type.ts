/**
 * Types that a browser shows without running anything. Everything else is bytes: HTML, SVG, XML and scripts of a
 * repository are text here.
 */
const shown: ReadonlyMap<string, string> = new Map(
  Object.entries({
    gif: 'image/gif',
    jpeg: 'image/jpeg',
    jpg: 'image/jpeg',
    json: 'application/json',
    mp3: 'audio/mpeg',
    mp4: 'video/mp4',
    ogg: 'audio/ogg',
    pdf: 'application/pdf',
    png: 'image/png',
    wav: 'audio/wav',
    webm: 'video/webm',
    webp: 'image/webp',
  }),
)
const text = new Set(
  'cfg csv htm html ini jinja js jsonl log lock md mjs py sh svg toml ts tsv txt xhtml xml yaml yml'.split(
    ' ',
  ),
)
const textNames = new Set(['.gitattributes', '.gitignore', 'LICENSE', 'Makefile', 'Dockerfile'])

export function contentTypeOf(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const extension = name.slice(name.lastIndexOf('.') + 1).toLowerCase()
  if (text.has(extension) || textNames.has(name)) return 'text/plain; charset=utf-8'
  return shown.get(extension) ?? 'application/octet-stream'
}

/** RFC 6266: the name for old programs in ASCII, the true one beside it. */
export function dispositionOf(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1)
  if (/^[\w.-]+$/.test(name)) return `inline; filename*=UTF-8''${name}; filename="${name}";`
  const ascii = name.replace(/[^\x20-\x7e]|["\\%]/g, '_')
  const encoded = encodeURIComponent(name).replace(/['()*]/g, char => `%${char.charCodeAt(0).toString(16)}`)
  return `inline; filename*=UTF-8''${encoded}; filename="${ascii}";`
}
