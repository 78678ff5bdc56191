import { describe, expect, it } from 'vitest'
import { avatarUrl } from './avatar.ts'

describe('avatars', () => {
  it('are a small mirrored SVG, the same for the same account and another for another', () => {
    const drawn = new Set<string>()
    for (let account = 0; account < 200; account++) {
      const url = avatarUrl(`account ${account}`)
      expect(url.length).toBeLessThan(1024)
      expect(avatarUrl(`account ${account}`)).toBe(url)
      drawn.add(url)
      const svg = decodeURIComponent(url.replace('data:image/svg+xml,', ''))
      const squares = [...svg.matchAll(/M(\d),(\d)h1v1h-1z/g)].map(([, x, y]) => `${x},${y}`)
      const mirrored = squares.map(square => `${4 - Number(square[0])},${square[2]}`)
      expect(mirrored.sort()).toEqual([...squares].sort())
    }
    expect(drawn.size).toBe(200)
  })
})
