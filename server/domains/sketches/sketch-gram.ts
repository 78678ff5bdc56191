import type { CanonicalModel, CanonicalTensor } from './canonical-model.ts'
import { mix32, sampleAxis } from './sample-axis.ts'
import type { Gram } from './sketch.ts'

/** The gram and the rows that it is made of: `gram.tokens.length` × hidden. */
export interface TokenRows {
  readonly gram: Gram
  readonly rows: Float32Array
  readonly hidden: number
}

const tokenCount = 64

export async function sketchGram(
  model: CanonicalModel,
  tokens: readonly string[] | undefined,
): Promise<TokenRows | undefined> {
  const embed = model.tensors.find(({ role, columns }) => role === 'embed' && columns > 1)
  if (!embed) return undefined
  const basis = tokens && tokens.length <= embed.rows + slack && tokens.length > 0 ? 'strings' : 'ids'
  const chosen = chooseTokens(embed, basis === 'strings' ? (tokens as readonly string[]) : undefined)
  const rows = await embed.values(chosen.map(({ row }) => row))
  const hashes = Uint32Array.from(chosen, ({ hash }) => hash)
  return {
    gram: { basis, tokens: hashes, products: gramOf(rows, embed.columns) },
    rows,
    hidden: embed.columns,
  }
}

/** Vocabularies name some tokens that have no row. */
const slack = 1024

function chooseTokens(embed: CanonicalTensor, tokens: readonly string[] | undefined) {
  if (!tokens) return sampleAxis(embed.rows, tokenCount).map(row => ({ hash: mix32(row + 1), row }))
  const hashed = tokens.slice(0, embed.rows).map((token, row) => ({ hash: hashText(token), row }))
  hashed.sort((a, b) => a.hash - b.hash || a.row - b.row)
  return hashed.filter(({ hash }, index) => hash !== hashed[index - 1]?.hash).slice(0, tokenCount)
}

/** FNV-1a of UTF-16 units, finished as MurmurHash3 does. */
function hashText(text: string): number {
  let h = 0x811c9dc5
  for (let index = 0; index < text.length; index++) h = Math.imul(h ^ text.charCodeAt(index), 0x01000193)
  return mix32(h)
}

/** Dot products of each row with each. */
export function gramOf(rows: Float32Array, width: number): Float32Array {
  const count = rows.length / width
  const products = new Float32Array(count * count)
  for (let a = 0; a < count; a++) {
    for (let b = a; b < count; b++) {
      let sum = 0
      for (let at = 0; at < width; at++)
        sum += (rows[a * width + at] as number) * (rows[b * width + at] as number)
      products[a * count + b] = sum
      products[b * count + a] = sum
    }
  }
  return products
}
