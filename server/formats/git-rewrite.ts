/**
 * Objects of git that name others, made to name new ones. What else they hold is kept to the byte, but for signatures,
 * which would be false, and merged tags, whose tagged commits are no longer the parents.
 */

const newline = 10
/** gitformat-signature(5). */
const signedHeaders = /^(?:gpgsig|gpgsig-sha256|mergetag) /
const signatureBegins =
  /^-----BEGIN (?:PGP|SSH) SIGNATURE-----|^-----BEGIN (?:PGP MESSAGE|SIGNED MESSAGE)-----/m

/** The content of a commit that has another tree, other parents, or both. */
export function rewriteCommit(
  content: Uint8Array,
  { tree, parents }: { tree: string; parents: readonly string[] },
): Uint8Array {
  const { headers, rest } = split(content)
  const kept = headers.filter(header => !/^(?:tree|parent) /.test(header) && !signedHeaders.test(header))
  return join([`tree ${tree}`, ...parents.map(parent => `parent ${parent}`), ...kept], rest)
}

/** The content of an annotated tag of another object of the same type. */
export function rewriteTag(content: Uint8Array, object: string): Uint8Array {
  const { headers, rest } = split(content)
  const kept = headers.filter(header => !header.startsWith('object ') && !signedHeaders.test(header))
  const text = rest.toString('latin1')
  const end = signatureBegins.exec(text)?.index ?? text.length
  return join([`object ${object}`, ...kept], rest.subarray(0, end))
}

/** Headers with the lines that go on with them, as latin1 so that no byte is lost; `rest` is the empty line and the message. */
function split(content: Uint8Array): { headers: string[]; rest: Buffer } {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength)
  let end = bytes.indexOf('\n\n')
  if (end < 0) end = bytes.at(-1) === newline ? bytes.length - 1 : bytes.length
  const headers = bytes.toString('latin1', 0, end).split(/\n(?! )/)
  return { headers, rest: bytes.subarray(end) }
}

function join(headers: readonly string[], rest: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(headers.join('\n'), 'latin1'), rest])
}
