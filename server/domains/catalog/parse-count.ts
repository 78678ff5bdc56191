import { MalformedInput } from '../../kernel/errors.ts'

const units: Readonly<Record<string, number>> = { '': 1, K: 1e3, M: 1e6, B: 1e9, T: 1e12 }

/** `min:6B,max:128B`, `min:1.5M`, `max:7000000000`, or one number: bounds of how many parameters, both included. */
export function parseCountRange(text: string): { readonly min: number; readonly max: number } {
  let min = 1
  let max = Number.MAX_SAFE_INTEGER
  for (const part of text.split(',')) {
    const [, bound, digits, unit] =
      /^\s*(?:(min|max):)?(\d{1,15}(?:\.\d{1,9})?)\s*([KMBT]?)\s*$/i.exec(part) ?? []
    if (digits === undefined)
      throw new MalformedInput('num_parameters', `"${text.slice(0, 100)}" is not like "min:6B,max:128B"`)
    const count = Math.min(
      Math.round(Number(digits) * (units[(unit ?? '').toUpperCase()] ?? 1)),
      Number.MAX_SAFE_INTEGER,
    )
    // Nothing has no parameters: of those it is not known.
    if (bound !== 'max') min = Math.max(1, count)
    if (bound !== 'min') max = count
  }
  return { min, max }
}
