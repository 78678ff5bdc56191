/** Scripts that put no space between words; Korean puts particles onto them. */
const unspaced =
  '\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Bopomofo}\\p{Script=Hangul}' +
  '\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}'
const words = new RegExp(`[${unspaced}]+|[[\\p{L}\\p{N}\\p{M}]--[${unspaced}]]+`, 'gv')
const isUnspaced = new RegExp(`^[${unspaced}]`, 'v')

/** Longer words are cut. */
const termLength = 24
/** A card has no more than these; those that come first count. */
const termLimit = 1000

/**
 * What is written down of a text, so that a word of it is found by how a term begins: words in lower case, and of text
 * without spaces every two characters that stand together, and the last one. Numbers of one or two digits say nothing.
 */
export function termsOfText(texts: Iterable<string>): string[] {
  const terms = new Set<string>()
  for (const text of texts) {
    for (const term of termsIn(text)) {
      if (terms.size === termLimit) return [...terms]
      terms.add(term)
    }
  }
  return [...terms]
}

export interface WantedTerm {
  readonly term: string
  /** Else a longer one that begins so will do. */
  readonly isWhole: boolean
}

/**
 * The terms that a text must have for a word of a search to be in it, for `gpt-neo` a whole one and the beginning of
 * another; none when nothing of the word is ever written down.
 */
export function termsOfWord(word: string): WantedTerm[] {
  const wanted = new Map<string, boolean>()
  for (const [run] of folded(word).matchAll(words)) {
    const terms = [...termsIn(run)]
    if (!isUnspaced.test(run)) for (const term of terms) wanted.set(term, true)
    // The last character of a run stands alone only at the end of a text.
    else for (const term of terms.length > 1 ? terms.slice(0, -1) : terms) wanted.set(term, false)
  }
  const last = wanted.size - 1
  return [...wanted].map(([term, isWhole], n) => ({ term, isWhole: isWhole && n < last }))
}

function* termsIn(text: string): Generator<string> {
  for (const [run] of folded(text).matchAll(words)) {
    const letters = [...run]
    if (isUnspaced.test(run)) {
      for (let at = 0; at < letters.length; at++) yield letters.slice(at, at + 2).join('')
    } else if (!/^\d{1,2}$/.test(run)) {
      yield letters.slice(0, termLength).join('')
    }
  }
}

function folded(text: string): string {
  return text.normalize('NFKC').toLowerCase()
}
