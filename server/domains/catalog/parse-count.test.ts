import { describe, expect, it } from 'vitest'
import { parseCountRange } from './parse-count.ts'

const most = Number.MAX_SAFE_INTEGER

describe('a range of parameters', () => {
  it.each([
    ['min:6B,max:128B', 6e9, 128e9],
    ['min:1.5m', 1.5e6, most],
    ['max:7000000000', 1, 7e9],
    ['max:0', 1, 0],
    ['350M', 350e6, 350e6],
    ['min:999999999999999T', most, most],
  ])('%s', (text, min, max) => {
    expect(parseCountRange(text)).toEqual({ min, max })
  })

  it.each(['', 'min', 'min:', 'min:-1', 'max:1X', 'about:3B', 'min:1B;max:2B', '1e9'])(
    'refuses «%s»',
    text => {
      expect(() => parseCountRange(text)).toThrow('is not like "min:6B,max:128B"')
    },
  )
})
