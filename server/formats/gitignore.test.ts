import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runs } from '../../test/fuzz-runs.ts'
import { LimitExceeded } from '../kernel/errors.ts'
import { parseGitignore } from './gitignore.ts'

type Case = { text: string; paths: string[] }

/** What git ignores in each case: every case is the .gitignore of its own folder, so that git is started once. */
function askGit(cases: readonly Case[]): Set<string>[] {
  const folder = mkdtempSync(join(tmpdir(), 'gitignore-'))
  const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' }
  try {
    spawnSync('git', ['init', '-q', folder], { env })
    for (const [i, { text }] of cases.entries()) {
      mkdirSync(join(folder, String(i)))
      writeFileSync(join(folder, String(i), '.gitignore'), text)
    }
    const input = cases.flatMap(({ paths }, i) => paths.map(path => `${i}/${path}\0`)).join('')
    const args = ['-C', folder, 'check-ignore', '--no-index', '-z', '--stdin']
    const { stdout, status } = spawnSync('git', args, { env, input, encoding: 'utf8', maxBuffer: 1 << 28 })
    expect(status).toBe(0)
    const ignored = cases.map(() => new Set<string>())
    for (const line of stdout.split('\0'))
      ignored[Number.parseInt(line, 10)]?.add(line.slice(line.indexOf('/') + 1))
    return ignored
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const PATHS = [
  'a',
  'b',
  'x.bin',
  'd/x.bin',
  'd/e/x.bin',
  'd/a',
  'a/b',
  'a/d/b',
  'build/out.o',
  'src/build/out.o',
  '#x',
  '!x',
  'a b',
  'a ',
  'd /x',
  'Ünï.txt',
  'x.BIN',
  '[x]',
  '.venv/lib/a.py',
]
const TABLE = [
  '*.bin',
  '*.bin\n!x.bin',
  'd\n!d/x.bin',
  'd/*\n!d/x.bin',
  'd/',
  '/d/',
  'build/',
  '/build',
  'src/**/out.o',
  '**/b',
  'a/**',
  'a/**/b',
  '# comment\n\n\n*.o',
  '\\#x\n\\!x',
  '#x\n!x',
  'a \nd \\ ',
  'a\\ ',
  'a \\',
  '*.bin\r\n!d/x.bin\r\n',
  '\ufeffx.bin',
  '?n?.txt',
  '??n??.txt',
  '[[]x]',
  '\\[x\\]',
  '[x]',
  '/',
  '!',
  '*\n!*/\n!*.bin',
  '/*\n!/d\n/d/*\n!/d/x.bin',
  '.venv',
  'b\0ignored\na',
  '*.bin ',
  'x.bin\\',
]

describe('parseGitignore', () => {
  it('agrees with git on a table', () => {
    const cases = TABLE.map(text => ({ text, paths: PATHS }))
    const git = askGit(cases)
    for (const [i, { text }] of cases.entries()) {
      const { ignores } = parseGitignore(text)
      const ours = PATHS.filter(ignores)
      expect([text, ours]).toEqual([text, PATHS.filter(path => git[i]?.has(path))])
    }
  })

  it('agrees with git on random patterns and paths', () => {
    const pieces =
      'a b ab * * ** / / ? [ab] [!a] [a-c] [[:alpha:]] \\a \\* é **/ /** /**/ [a [[:foo:]] []a] \\ \\/ *** [[:]a]'
    const piece = fc.constantFrom(...pieces.split(' '), ' ', '\\ ')
    const body = fc.string({ unit: piece, minLength: 1, maxLength: 6 })
    // Git 2.39 takes two stars right after a name for "any folders"; newer git and gitignore(5) say they are one star.
    const line = fc
      .tuple(fc.constantFrom('', '', '', '!', '/'), body, fc.constantFrom('', '', '/', ' ', '\r'))
      .map(parts => parts.join(''))
      .filter(text => !/[^/*]\*\*/.test(text.replace(/^!/, '')))
    const name = fc.constantFrom(
      'a',
      'b',
      'c',
      'ab',
      'abc',
      'ba',
      'aa',
      'é',
      '.a',
      'a*',
      '[a',
      '\\',
      ' ',
      'a b',
    )
    const path = fc.array(name, { minLength: 1, maxLength: 5 }).map(names => names.join('/'))
    const made = fc.record({
      text: fc.array(line, { minLength: 1, maxLength: 6 }).map(lines => lines.join('\n')),
      paths: fc.array(path, { minLength: 40, maxLength: 60 }),
    })
    const cases = fc.sample(made, { seed: 11, numRuns: 400 })
    const git = askGit(cases)
    expect(git.reduce((sum, { size }) => sum + size, 0)).toBeGreaterThan(1000)
    for (const [i, { text, paths }] of cases.entries()) {
      const { ignores } = parseGitignore(text)
      for (const each of paths) expect([text, each, ignores(each)]).toEqual([text, each, git[i]?.has(each)])
    }
  })

  it('answers for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.string(), (text, path) => {
        expect(typeof parseGitignore(text).ignores(path)).toBe('boolean')
      }),
      runs(10_000),
    )
  })

  it('reads no file over its limit', () => {
    const limit = 1024 * 1024
    expect(parseGitignore(new Uint8Array(limit)).ignores('a')).toBe(false)
    expect(() => parseGitignore(new Uint8Array(limit + 1))).toThrow(LimitExceeded)
  })
})
