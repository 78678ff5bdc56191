import { describe, expect, it } from 'vitest'
import { BadInputStage } from './stage.ts'

const stage = new BadInputStage()
const fenced = (yaml: string) => `---\n${yaml}\n---\n# Text\n`
const laughs = [
  'a0: &a0 [x, x, x, x, x, x, x, x, x]',
  ...Array.from({ length: 20 }, (_, n) => `a${n + 1}: &a${n + 1} [${Array(9).fill(`*a${n}`).join(', ')}]`),
].join('\n')

/** What a README.md may bring, and what is said of it; undefined where nothing is wrong. */
const cards: [string, string, RegExp | undefined][] = [
  ['a billion laughs', laughs, /aliases counted in full/],
  ['an alias of itself', 'a: &a [*a]', /aliases|unknown alias|nested/],
  ['an unknown alias', 'a: *nobody', /alias/i],
  ['100,000 brackets', `a: ${'['.repeat(100_000)}`, /nested more than 64 levels deep|line/],
  [
    '100,000 closed brackets',
    `a: ${'['.repeat(100_000)}${']'.repeat(100_000)}`,
    /nested more than 64 levels deep/,
  ],
  [
    'nesting by indentation',
    Array.from({ length: 500 }, (_, n) => `${' '.repeat(n)}a:`).join('\n'),
    /nested more than 64 levels deep/,
  ],
  ['300,000 values', `a:\n${'- x\n'.repeat(300_000)}`, /more than \d+|over the limit/],
  ['two megabytes', `a: ${'x'.repeat(2 * 1024 * 1024)}`, /over the limit of 1048576 characters/],
  ['a key of a megabyte', `${'k'.repeat(1_000_000)}: 1`, /key|implicit|line/i],
  ['a key that is a map', '? {a: b}\n: c', /a key must be text/],
  ['a key twice', 'a: 1\na: 2', /duplicated key/],
  ['two documents', 'a: 1\n...\nb: 2', /one YAML document|line/],
  ['tabs for spaces', 'a:\n\t- b', /line 3/],
  ['a NUL', 'license: "a\0b"', /licen[cs]e|line|control/i],
  ['a prototype', '__proto__: {polluted: true}\nconstructor: {prototype: {polluted: true}}', undefined],
  ['a tag that makes an object', 'a: !!js/function "function () {}"', undefined],
  ['merges', 'base: &b {license: mit}\n<<: *b', undefined],
  ['dates', 'a: 2024-01-01\nb: 2024-01-01T00:00:00Z\nc: 99999-99-99', undefined],
  [
    'numbers that are too large',
    'a: 1e999\nb: 99999999999999999999\nc: .inf\nd: .nan\ne: 0x7fffffffffffffffff',
    undefined,
  ],
  ['types that no key has', 'license: {a: b}', /license/],
  ['a tag of a megabyte', `tags: ["${'t'.repeat(900_000)}"]`, undefined],
  ['50,000 tags', `tags:\n${'- t\n'.repeat(50_000)}`, undefined],
]

describe.each(cards)('a card with %s', (_, yaml, says) => {
  it('is judged in words', async () => {
    const answer = await stage.nobody.post('/api/validate-yaml', { content: fenced(yaml), repoType: 'model' })
    expect(answer.status).toBe(says ? 400 : 200)
    const { errors } = answer.json() as { errors: { message: string }[] }
    if (says) expect(errors[0]?.message).toMatch(says)
    else expect(errors).toEqual([])
    expect(errors.every(({ message }) => message.length < 2500)).toBe(true)
    if (says) stage.expectNoLeak({ ...answer, text: JSON.stringify(errors) })
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })

  it('harms no list and no page when it is committed', async () => {
    const { alice, nobody } = stage
    expect((await alice.commit(stage.repo, { 'README.md': fenced(yaml) })).status).toBe(200)
    await stage.settle()
    const info = await nobody.get('/api/models/alice/model')
    expect(info.status).toBe(200)
    expect(info.text.length).toBeLessThan(4 * 1024 * 1024)
    const list = await nobody.get('/api/models?full=true&author=alice')
    expect(list.json()).toHaveLength(1)
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })
})
