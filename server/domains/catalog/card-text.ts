/** Of a card, this much is read for search, in characters. */
const textLimit = 64 * 1024

export interface CardText {
  /** What a reader sees: no markup, no code, no addresses. */
  readonly text: string
  /** The first code block that holds BibTeX. */
  readonly citation: string | undefined
}

/** Reads the text below a card's metadata. Every pattern stops at the first character that begins it anew: none reads twice. */
export function readCardText(body: string): CardText {
  const text: string[] = []
  let fence: string | undefined
  let code: string[] = []
  let citation: string | undefined
  for (const line of body.slice(0, textLimit).split(/\r\n|\r|\n/)) {
    const mark = /^ {0,3}(```|~~~)/.exec(line)?.[1]
    if (mark === undefined || (fence !== undefined && mark !== fence)) {
      if (fence === undefined) text.push(line)
      else code.push(line)
    } else if (fence === undefined) {
      fence = mark
      code = []
    } else {
      fence = undefined
      if (/^\s*@\w+\s*\{/.test(code.join('\n'))) citation ??= code.join('\n').trim()
    }
  }
  return { text: withoutMarkup(text.join('\n')), citation }
}

function withoutMarkup(text: string): string {
  return text
    .replace(/<[^<>]*>/g, ' ')
    .replace(/!\[/g, ' ')
    .replace(/\]\([^()\s]*\)?/g, ' ')
    .replace(/\bhttps?:\/\/\S+/g, ' ')
    .replace(/&[a-z]{2,8};|[*_`#>|~[\]]+/gi, ' ')
    .replace(/[^\S\n]+/g, ' ')
}

const descriptionLimit = 500

/** The beginning of a card, for lists. */
export function describeInShort(text: string): string | undefined {
  const line = text.replace(/\s+/g, ' ').trim()
  if (line.length <= descriptionLimit) return line || undefined
  return `${line.slice(0, descriptionLimit).replace(/[\ud800-\udbff]$/, '')}…`
}
