import { createHash } from 'node:crypto'

/**
 * A picture made of an account's id: a 5 × 5 grid, mirrored, in one colour. A `data:` URL, because clients want a
 * string that shows something, and the hub has neither uploaded pictures nor a host elsewhere to serve them.
 */
export function avatarUrl(accountId: string): string {
  const digest = createHash('sha256').update(accountId).digest()
  let path = ''
  for (let cell = 0; cell < 15; cell++) {
    const column = Math.floor(cell / 5)
    const row = cell % 5
    if ((digest[cell] ?? 0) % 2 === 0) continue
    for (const x of new Set([column, 4 - column])) path += `M${x},${row}h1v1h-1z`
  }
  const hue = ((digest[15] ?? 0) * 360) >> 8
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-1 -1 7 7"><path fill="hsl(${hue} 55% 45%)" d="${path}"/></svg>`
  return `data:image/svg+xml,${encodeURIComponent(svg)}`
}
