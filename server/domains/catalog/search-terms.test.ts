import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runs } from '../../../test/fuzz-runs.ts'
import { termsOfText, termsOfWord } from './search-terms.ts'

/** Whether a search for the word finds the text, by the terms alone. */
function finds(word: string, text: string): boolean {
  const terms = termsOfText([text])
  const wanted = termsOfWord(word)
  const isThere = ({ term, isWhole }: (typeof wanted)[number]) =>
    terms.some(other => (isWhole ? other === term : other.startsWith(term)))
  return wanted.length > 0 && wanted.every(isThere)
}

describe('terms', () => {
  it('are words in lower case, and every two characters of text without spaces', () => {
    expect(termsOfText(['Qwen2.5-Coder, ÉTÉ: 7 of 2025'])).toEqual(['qwen2', 'coder', 'été', 'of', '2025'])
    expect(termsOfText(['中文模型Bert'])).toEqual(['中文', '文模', '模型', '型', 'bert'])
    expect(termsOfText(['한국어를 ひらがな ภาษาไทย'])).toContain('국어')
  })

  it.each([
    ['模型', '这是一个中文模型。', true],
    ['中文模型', '这是一个中文模型。', true],
    ['型', '这是一个中文模型。', true],
    ['模', '这是一个中文模型。', true],
    ['语模', '这是一个中文模型。', false],
    ['ＢＥＲＴ', 'a bert', true],
    ['quanti', 'it is Quantized', true],
    ['uantized', 'it is Quantized', false],
    ['gpt-neo', 'like GPT-NeoX', true],
    ['gp-neo', 'like GPT-NeoX', false],
    ['诗gpt', 'gpt 写诗', true],
    ['7', 'has 7 layers', false],
    ['%', '100 %', false],
    ['猫', '稀有的猫', true],
    ['한국', '한국어를', true],
  ])('finds %s in «%s»: %s', (word, text, isFound) => {
    expect(finds(word, text)).toBe(isFound)
  })

  it('find every word and every part of Chinese that a text has', () => {
    const han = fc.string({ unit: fc.constantFrom(...'中文模型语言猫诗词'), minLength: 1, maxLength: 12 })
    const word = fc.oneof(fc.stringMatching(/^[a-zé]{1,30}$/), han)
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 30 }), fc.nat(), fc.nat(), (words, at, cut) => {
        const text = words.join(' ')
        const one = words[at % words.length]!
        const start = /[a-z]/.test(one) ? 0 : cut % one.length
        expect(finds(one.slice(start, start + 1 + (cut % one.length)), text)).toBe(true)
      }),
      runs(2000),
    )
  })

  it('are bounded in number and length, whatever the text', () => {
    const text = Array.from({ length: 5000 }, (_, n) => `w${n}${'x'.repeat(n % 100)}`).join(' ')
    const terms = termsOfText([text])
    expect(terms.length).toBe(1000)
    expect(Math.max(...terms.map(term => term.length))).toBe(24)
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), any => {
        for (const term of termsOfText([any])) expect(term).toMatch(/^[^\s%_\\]+$/u)
      }),
      runs(2000),
    )
  })
})
