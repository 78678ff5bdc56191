import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { runs } from '../../test/fuzz-runs.ts'
import { type CardData, parseFrontMatter } from './front-matter.ts'

const fenced = (yaml: string) => `---\n${yaml}\n---\n# Title\n`

describe('the two fences', () => {
  it.each([
    ['LF', '---\na: 1\n---\nbody\n', 'body\n'],
    ['CRLF', '---\r\na: 1\r\n---\r\nbody\r\n', 'body\r\n'],
    ['CR', '---\ra: 1\r---\rbody', 'body'],
    ['a byte order mark', '\ufeff---\na: 1\n---\nbody', 'body'],
    ['white space before', '\n \n---\na: 1\n---\nbody', 'body'],
    ['blanks after', '---  \na: 1\n--- \t\nbody', 'body'],
    ['nothing after', '---\na: 1\n---', ''],
    ['a third line of dashes', '---\na: 1\n---\nbody\n---\n', 'body\n---\n'],
    ['a longer line of dashes inside', '---\na: 1\n#----\n---\nbody', 'body'],
  ])('%s', (_, markdown, body) => {
    expect(parseFrontMatter(markdown)).toEqual({ data: { a: 1 }, body, faults: [] })
  })

  it.each([
    '',
    '# Title\n',
    'x\n---\na: 1\n---\n',
    '---\na: 1\n',
    '----\na: 1\n----\n',
    '---',
    '---\na: 1\n----\n',
    ' x ---\n',
  ])('are missing in %j', markdown => {
    expect(parseFrontMatter(markdown)).toEqual({ data: {}, body: markdown, faults: [] })
  })

  it.each(['---\n---\nbody', '---\n\n---\nbody', '---\n# note\n---\nbody', '---\nnull\n---\nbody'])(
    'hold nothing in %j',
    markdown => {
      expect(parseFrontMatter(markdown)).toEqual({ data: {}, body: 'body', faults: [] })
    },
  )
})

describe('the YAML between', () => {
  it.each<[yaml: string, data: CardData]>([
    ['language: no', { language: 'no' }],
    ['date: 2022-01-20', { date: '2022-01-20' }],
    ['date: 20220120', { date: 20220120 }],
    ['x: .nan\ny: -.inf', { x: '.nan', y: '-.inf' }],
    ['id: 12345678901234567890', { id: '12345678901234567890' }],
    ['x: 1e3\ny: 0.5\nz: 0x10', { x: 1000, y: 0.5, z: 16 }],
    ['1: a\ntrue: b\nno: c\n2.50: d', { '1': 'a', true: 'b', no: 'c', '2.50': 'd' }],
    ['a: !!binary aGk=\nb: !x y', { a: 'aGk=', b: 'y' }],
    ['a: &x [1, {b: 2}]\nc: *x', { a: [1, { b: 2 }], c: [1, { b: 2 }] }],
    ['a: |\n  x\n  y\nb: >\n  x\n  y', { a: 'x\ny\n', b: 'x y\n' }],
    ['a:\nb: ~\nc: ""', { a: null, b: null, c: '' }],
    ['__proto__: {x: 1}\nconstructor: y', JSON.parse('{"__proto__":{"x":1},"constructor":"y"}')],
  ])('%s', (yaml, data) => {
    const read = parseFrontMatter(fenced(yaml))
    expect(read.faults).toEqual([])
    expect(JSON.stringify(read.data)).toBe(JSON.stringify(data))
  })

  it('is lines ended by CR, where they are', () => {
    expect(parseFrontMatter('---\ra: 1\rb:\r- x\r---\r').data).toEqual({ a: 1, b: ['x'] })
  })

  it.each(
    [
      ['a: [', 'line 2'],
      ['a: 1\nb: "x', 'line 3'],
      ['a: 1\n\nb: [2\nc: 3', 'line 5'],
      ['a: 1\nb: 2\na: 3', 'duplicated key "a" at line 4'],
      ['a: {b: 1, b: 2}', 'duplicated key "b" at line 2'],
      ['[]', 'must be a mapping'],
      ['- a', 'must be a mapping'],
      ['text', 'must be a mapping'],
      ['a: 1\n...\nb: 2', 'must be one YAML document'],
      ['a: *x', 'line 2'],
      ['? [a, b]\n: c', 'a key must be text at line 2'],
      ['a: &a [*a]', 'aliases nested more than 64 levels deep'],
      [`a: ${'['.repeat(65)}${']'.repeat(65)}`, 'nested more than 64 levels deep'],
      [`a: ${'[ '.repeat(100_000)}`, 'nested more than 64 levels deep'],
      ['- '.repeat(100_000), 'nested more than 64 levels deep'],
      [`a: [${'1,'.repeat(240_000)}]`, 'more than 200000 values'],
      [`a: [${'1,'.repeat(500_000)}]`, 'more than 250000 indicators'],
      [`a: ${'x'.repeat(1024 * 1024)}`, 'over the limit of 1048576 characters'],
    ].map(([yaml = '', fault = '']) => [yaml.slice(0, 30), fault, yaml]),
  )('%s is refused: %s', (_, fault, yaml) => {
    const { data, body, faults } = parseFrontMatter(fenced(yaml))
    expect(faults[0]).toContain(fault)
    expect(faults.length).toBeLessThanOrEqual(10)
    expect({ data, body }).toEqual({ data: {}, body: '# Title\n' })
  })

  it('is not expanded without end by aliases of aliases', () => {
    const levels = Array.from(
      { length: 20 },
      (_, i) => `k${i + 1}: &k${i + 1} [${Array(9).fill(`*k${i}`).join(', ')}]`,
    )
    expect(parseFrontMatter(fenced(`k0: &k0 x\n${levels.join('\n')}`)).faults[0]).toContain(
      'aliases counted in full',
    )
  })

  it('may hold many keys', () => {
    const yaml = Array.from({ length: 30_000 }, (_, i) => `key${i}: value ${i}`).join('\n')
    expect(Object.keys(parseFrontMatter(fenced(yaml)).data).length).toBe(30_000)
  })

  it('gives back what was written', () => {
    const key = fc.string({ maxLength: 10 })
    const { value } = fc.letrec<{ value: unknown }>(tie => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.oneof(
          fc.string(),
          fc.maxSafeInteger(),
          fc.boolean(),
          fc.constant(null),
          fc.double({ noNaN: true, noDefaultInfinity: true }).filter(x => x % 1 !== 0),
        ),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(key, tie('value'), { maxKeys: 3 }),
      ),
    }))
    fc.assert(
      fc.property(fc.dictionary(key, value, { minKeys: 1, maxKeys: 3 }), data => {
        const read = parseFrontMatter(fenced(stringify(data)))
        expect(JSON.parse(JSON.stringify(read.data))).toEqual(JSON.parse(JSON.stringify(data)))
      }),
      runs(10_000),
    )
  })

  it('never throws', () => {
    const piece = fc.constantFrom(
      'a',
      ': ',
      '- ',
      '\n',
      '  ',
      '[',
      ']',
      '{',
      '}',
      ',',
      '&x ',
      '*x',
      '!t ',
      '"',
      "'",
      '|',
      '>',
      '?',
      '#',
      '%',
      '---',
      '...',
      '\t',
      '\0',
      '\ud800',
    )
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: piece, maxLength: 30 }), fc.string({ unit: 'binary' })),
        yaml => {
          const { data, faults } = parseFrontMatter(fenced(yaml))
          expect(typeof JSON.stringify(data)).toBe('string')
          if (faults.length > 0) expect(data).toEqual({})
        },
      ),
      runs(10_000),
    )
  })
})
