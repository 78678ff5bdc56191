/** Longer ones tell no more of a name: what they find is compared with the whole word anyway. */
export const suffixLength = 12

/**
 * All ends of a name, cut to `suffixLength`: a word stands anywhere in the name exactly when one of them starts with
 * it, and what starts with something is a range of an index.
 */
export function suffixesOf(searchName: string): string[] {
  const letters = [...searchName]
  return [...new Set(letters.map((_, at) => letters.slice(at, at + suffixLength).join('')))]
}
