import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runs } from '../../test/fuzz-runs.ts'
import { LimitExceeded } from '../kernel/errors.ts'
import { asBytes, PathPatterns, parsePathPattern } from './path-pattern.ts'

/** Agreement with git is tested where patterns are used: gitignore.test.ts, gitattributes.test.ts. */
function matches(pattern: string, path: string, kind: 'file' | 'folder' = 'file'): boolean {
  return new PathPatterns([parsePathPattern(asBytes(pattern))]).matching(asBytes(path), kind).length === 1
}

describe('PathPatterns', () => {
  // gitignore(5), "PATTERN FORMAT" and "EXAMPLES"; the last ones are git's t3070-wildmatch cases of slashes.
  it.each([
    ['hello.*', 'hello.txt', true],
    ['hello.*', 'a/hello.java', true],
    ['/hello.*', 'a/hello.java', false],
    ['doc/frotz', 'doc/frotz', true],
    ['doc/frotz', 'a/doc/frotz', false],
    ['foo/*', 'foo/test.json', true],
    ['foo/*', 'foo/bar/hello.c', false],
    ['**/foo/bar', 'a/b/foo/bar', true],
    ['**/foo/bar', 'foo/bar', true],
    ['abc/**', 'abc/d/e', true],
    ['abc/**', 'abc', false],
    ['a/**/b', 'a/b', true],
    ['a/**/b', 'a/x/y/b', true],
    ['a/**/b', 'a/xb', false],
    ['/a**/b', 'ax/b', true],
    ['/a**/b', 'a/x/b', false],
    ['*.[oa]', 'x/y.a', true],
    ['[!a-c]', 'b', false],
    ['[[:digit:]_]', '_', true],
    ['[a', 'a', false],
    ['a\\', 'a', false],
    ['\\*', '*', true],
    ['\\*', 'x', false],
    ['?', 'é', false],
    ['??', 'é', true],
    ['a[/]b', 'a/b', false],
    ['*a*b*c', 'xaybzbc', true],
    ['**/*a/b*', 'x/ba/q/ca/bx', true],
  ])('%s against %s: %s', (pattern, path, expected) => {
    expect(matches(pattern, path)).toBe(expected)
  })

  it('keeps patterns that end in a slash for folders', () => {
    expect(matches('a/', 'x/a', 'folder')).toBe(true)
    expect(matches('a/', 'x/a')).toBe(false)
  })

  it('lists the last match first', () => {
    const patterns = ['*.bin', 'x/y.bin', 'y.*', 'nothing', 'y.bin'].map(parsePathPattern)
    expect(new PathPatterns(patterns).matching('x/y.bin', 'file')).toEqual([4, 2, 1, 0])
  })

  it('finds every path by its own text and by a star', () => {
    const paths = fc.string({
      unit: fc.constantFrom('a', 'b', '/', '*', '[', '\\', '?', ']', 'é', '.'),
      minLength: 1,
    })
    fc.assert(
      fc.property(paths, path => {
        const escaped = path.replace(/[\\*?[\]]/g, '\\$&')
        fc.pre(!path.endsWith('/') && !path.startsWith('/') && !path.includes('//'))
        expect(matches(`/${escaped}`, path)).toBe(true)
        expect(matches(`${escaped}*`, path)).toBe(true)
        expect(matches('**', path)).toBe(true)
      }),
      runs(10_000),
    )
  })

  it('gives up on patterns made to take long', () => {
    const patterns = new PathPatterns([parsePathPattern(`*${'a'.repeat(1000)}b`)])
    expect(() => patterns.matching('a'.repeat(4000), 'file')).toThrow(LimitExceeded)
    expect(matches(`${'*a'.repeat(900)}b`, 'a'.repeat(4000))).toBe(false)
  })
})
