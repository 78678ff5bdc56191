import type { CasClaims } from './cas-token.ts'
import type { BlobParts } from './parts.ts'
import { findXorbUses } from './store-xorbs.ts'
import type { XorbsTable } from './tables.ts'

/** What of a xorb a client may know. */
export interface Visibility {
  /** All chunks; else those that `files` use. */
  readonly isWhole: boolean
  /** Files which use the xorb and which the client may see. */
  readonly files: readonly string[]
}

/**
 * Which of these xorbs the bearer of a CAS token may learn about, and how much of each. All of a xorb that was uploaded
 * for its own holder; of others what files use that it may see: committed ones of holders within its user's reach, and
 * every file of its own holder. A xorb of hidden content counts as absent.
 */
export async function findVisibleXorbs(
  parts: Pick<BlobParts, 'database' | 'reachable'>,
  { holder, subject }: CasClaims,
  xorbs: readonly XorbsTable[],
): Promise<Map<string, Visibility>> {
  if (xorbs.length === 0) return new Map()
  const uses = await findXorbUses(
    parts.database.sql,
    xorbs.map(xorb => xorb.hash),
    holder,
  )
  const foreign = new Set(uses.map(use => use.holder))
  foreign.delete(holder)
  const reachable = foreign.size > 0 ? await parts.reachable(subject, [...foreign]) : new Set<string>()
  const files = new Map<string, Set<string>>(xorbs.map(xorb => [xorb.hash, new Set()]))
  for (const use of uses) {
    if (use.holder === holder || reachable.has(use.holder)) files.get(use.xorb_hash)!.add(use.file_hash)
  }
  const visible = new Map<string, Visibility>()
  for (const { hash, uploaded_for } of xorbs) {
    const isWhole = uploaded_for === holder
    const names = [...files.get(hash)!]
    if (isWhole || names.length > 0) visible.set(hash, { isWhole, files: names })
  }
  return visible
}
