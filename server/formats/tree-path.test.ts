import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runs } from '../../test/fuzz-runs.ts'
import { MalformedInput } from '../kernel/errors.ts'
import { parseTreePath } from './tree-path.ts'

const ACCEPTED = [
  'a',
  'README.md',
  'data/train 1.parquet',
  'a.',
  '...',
  '.gitattributes',
  '.gitmodules',
  '.github/x',
  'git',
  'git~2',
  'x.git',
  '.gitx',
  '.git-x/y',
  'a:b',
  'Ünï/日本語.txt',
  'e\u0301',
  `${'a'.repeat(255)}/b`,
  '"#!*?[]',
]

const REFUSED: [path: string, fault: string][] = [
  ['', 'path: "" is empty'],
  ['/a', 'must not begin with "/"'],
  ['a/', 'must not end with "/"'],
  ['a//b', 'empty name'],
  ['.', 'must not contain the name "."'],
  ['./a', 'must not contain the name "."'],
  ['a/../b', 'path: "a/../b" must not contain the name ".."'],
  ['..', 'must not contain the name ".."'],
  ['..\\ddd', 'must not contain "\\"'],
  ['a\0b', 'control characters'],
  ['a\nb', 'control characters'],
  ['a\x7f', 'control characters'],
  ['a\ud800', 'not valid Unicode'],
  ['é'.repeat(128), 'longer than 255 bytes'],
  [Array(1366).fill('ab').join('/'), 'longer than 4096 bytes'],
]

/** Names that some file system takes for `.git`. */
const DOT_GIT = [
  '.git',
  '.GIT',
  '.gIt/config',
  'a/.git/hooks/post-checkout',
  'git~1',
  'GIT~1/config',
  '.git.',
  '.git ',
  '.git . ./x',
  '.git::$INDEX_ALLOCATION/config',
  'git~1:x',
  '.g\u200cit',
  '\ufeff.git/config',
  '.gi\u206ft',
  '.git\u200e',
]

/** The paths of the list that git will not have in its index. It checks each name before it looks for the file. */
function gitRefuses(paths: readonly string[]): Set<string> {
  const folder = mkdtempSync(join(tmpdir(), 'tree-path-'))
  const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' }
  try {
    spawnSync('git', ['init', '-q', folder], { env })
    const protect = ['-c', 'core.protectHFS=true', '-c', 'core.protectNTFS=true']
    const args = ['-C', folder, ...protect, 'update-index', '--force-remove', '--verbose', '-z', '--stdin']
    const { stdout, status } = spawnSync('git', args, {
      env,
      input: `${paths.join('\0')}\0`,
      encoding: 'utf8',
    })
    expect(status).toBe(0)
    const kept = new Set(stdout.split('\n').map(line => /^remove '(.*)'$/.exec(line)?.[1]))
    return new Set(paths.filter(path => !kept.has(path)))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function accepts(path: string): boolean {
  try {
    expect(parseTreePath(path)).toBe(path)
    return true
  } catch (error) {
    if (error instanceof MalformedInput) return false
    throw error
  }
}

describe('parseTreePath', () => {
  it.each(ACCEPTED)('accepts %s', path => {
    expect(parseTreePath(path)).toBe(path)
  })

  it.each(REFUSED)('refuses %.20j: %s', (path, fault) => {
    expect(() => parseTreePath(path)).toThrow(MalformedInput)
    expect(() => parseTreePath(path)).toThrow(fault)
  })

  it.each(DOT_GIT)('refuses %j', path => {
    expect(() => parseTreePath(path)).toThrow('a name for git\'s own folder ".git"')
  })

  it('takes one trailing slash off a folder', () => {
    expect(parseTreePath('a/b/', 'folder')).toBe('a/b')
    expect(parseTreePath('a/b', 'folder')).toBe('a/b')
    expect(() => parseTreePath('a//', 'folder')).toThrow('must not end with "/"')
    expect(() => parseTreePath('/', 'folder')).toThrow('is empty')
  })

  it('refuses every name for .git that git refuses', () => {
    const pieces = [
      '.git',
      '.GiT',
      'git~1',
      'GIT~1',
      'git',
      '.',
      ' ',
      ':',
      'x',
      '/',
      '\u200c',
      '\ufeff',
      '\u206f',
      '\u200b',
    ]
    const unit = fc.constantFrom(...pieces)
    const random = fc.sample(fc.string({ unit, minLength: 1, maxLength: 5 }), { seed: 7, numRuns: 6000 })
    // Git tidies such paths before it checks them.
    const tidy = random.filter(path => !/^\/|\/$|\/\/|(^|\/)\.\.?(\/|$)/.test(path))
    const paths = [...new Set([...ACCEPTED.filter(path => !path.includes("'")), ...DOT_GIT, ...tidy])]
    const refused = gitRefuses(paths)
    expect(refused.size).toBeGreaterThan(200)
    for (const path of paths) {
      if (accepts(path)) expect([path, refused.has(path)]).toEqual([path, false])
      // We refuse more only where names for .git of two file systems meet.
      else if (!refused.has(path)) expect(path).toMatch(/[\u200c\ufeff\u206f]/)
    }
  })

  it('throws only MalformedInput', () => {
    const near = fc.string({
      unit: fc.constantFrom('a', '/', '.', '\\', '.git', '\0', '\u200d', '\udc00', ' '),
      maxLength: 8,
    })
    fc.assert(
      fc.property(fc.oneof(near, fc.string({ unit: 'binary' })), path => {
        accepts(path)
      }),
      runs(10_000),
    )
  })
})
