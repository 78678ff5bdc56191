import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { runs } from '../../test/fuzz-runs.ts'
import { LimitExceeded, MalformedInput } from '../kernel/errors.ts'
import { addLfsPaths, DEFAULT_GITATTRIBUTES, parseGitattributes } from './gitattributes.ts'

const LIMIT = 4 * 1024 * 1024

const folder = mkdtempSync(join(tmpdir(), 'gitattributes-'))
const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' }
spawnSync('git', ['init', '-q', folder], { env })
afterAll(() => rmSync(folder, { recursive: true }))

/** The paths to which git gives `filter=lfs` under this .gitattributes at the root. */
function askGit(text: string | Uint8Array, paths: readonly string[]): Set<string> {
  writeFileSync(join(folder, '.gitattributes'), text)
  const input = paths.map(path => `${path}\0`).join('')
  const args = ['-C', folder, 'check-attr', '-z', '--stdin', 'filter']
  const { stdout, status } = spawnSync('git', args, { env, input, encoding: 'utf8', maxBuffer: 1 << 28 })
  expect(status).toBe(0)
  const fields = stdout.split('\0')
  return new Set(fields.filter((_, i) => i % 3 === 0 && fields[i + 2] === 'lfs'))
}

function expectAgreement(text: string | Uint8Array, paths: readonly string[]): Set<string> {
  const git = askGit(text, paths)
  const { isLfs } = parseGitattributes(text)
  for (const path of paths) expect([text, path, isLfs(path)]).toEqual([text, path, git.has(path)])
  return git
}

const LFS = 'filter=lfs diff=lfs merge=lfs -text'
const PATHS = [
  'a',
  'x.bin',
  'd/x.bin',
  'd/e/x.bin',
  'a/b',
  '#x',
  '!x',
  'a b',
  '"q"',
  'd/"q',
  'x.BIN',
  'é',
  'd/é.bin',
  '[attr]x',
]
const TABLE = [
  `*.bin ${LFS}`,
  `*.bin ${LFS}\nx.bin -filter`,
  `*.bin ${LFS}\nx.bin !filter`,
  `*.bin ${LFS}\nx.bin filter`,
  `*.bin ${LFS}\nx.bin filter=other`,
  `*.bin ${LFS}\nx.bin text`,
  `x.bin -filter\n*.bin ${LFS}`,
  'x.bin filter=lfs filter=other\n*.BIN filter=other filter=lfs',
  `d/ ${LFS}\na/ ${LFS}`,
  `/x.bin ${LFS}`,
  `d ${LFS}`,
  `d/** ${LFS}`,
  `**/x.bin ${LFS}`,
  `"a b" ${LFS}`,
  `"a b"${LFS}`,
  `"a\\040b" ${LFS}\n"\\303\\251" ${LFS}`,
  `"\\"q\\"" ${LFS}`,
  `"q" ${LFS}`,
  `"x.bin ${LFS}`,
  `"x\\q.bin" ${LFS}`,
  `\\"q\\" ${LFS}\nd/\\"q ${LFS}`,
  `a[[:space:]]b ${LFS}`,
  `!x ${LFS}\n* -filter`,
  `!x.bin ${LFS}`,
  `\\!x ${LFS}`,
  `#x ${LFS}\n\\#x ${LFS}`,
  `  *.bin\t${LFS}  `,
  `*.bin ${LFS}\r\nd/x.bin -filter\r\n`,
  `\ufeff*.bin ${LFS}`,
  `*.bin filter=lfs inva/lid`,
  `*.bin filter=lfs =x`,
  `*.bin filter=lfs --x`,
  `*.bin filter= lfs`,
  `*.bin filter=lfs\0 -filter`,
  '*.bin',
  '*.bin -filter=lfs',
  `${'*'.repeat(2100)} ${LFS}`,
  `x${'*'.repeat(2047 - LFS.length - 2)} ${LFS}`,
  `x${'*'.repeat(2048 - LFS.length - 2)} ${LFS}`,
  '[attr]lfs filter=lfs -text\n*.bin lfs',
  '*.bin lfs\n[attr]lfs filter=lfs -text',
  '[attr]lfs filter=lfs\n*.bin lfs\nx.bin -lfs',
  '[attr]lfs filter=lfs\n*.bin lfs\nx.bin -filter',
  '[attr]lfs filter=lfs\n*.bin -filter lfs\na lfs -filter',
  '[attr]lfs filter=lfs\n[attr]big lfs -text\n*.bin big',
  '[attr]one two\n[attr]two one filter=lfs\n*.bin one',
  '[attr]lfs filter=lfs\n*.bin lfs\n[attr]lfs -filter',
  '[attr]x filter=lfs\n[attr] x filter=lfs',
  `"[attr]x" ${LFS}\na x`,
  `*.bin diff\n[attr]diff filter=lfs\nx.bin binary`,
  `é ${LFS}\n?.bin ${LFS}`,
  DEFAULT_GITATTRIBUTES.model,
  DEFAULT_GITATTRIBUTES.dataset,
  '',
]

describe('parseGitattributes', () => {
  it.each(TABLE)('agrees with git on %j', text => {
    expectAgreement(text, PATHS)
  })

  it('agrees with git on random patterns and paths', () => {
    const pieces =
      'a b ab * * ** / / ? [ab] [!a] [a-c] [[:alpha:]] \\a \\* é **/ /** /**/ [a [[:foo:]] []a] \\ \\/ *** [b-\\c] .'
    const body = fc.string({ unit: fc.constantFrom(...pieces.split(' ')), minLength: 1, maxLength: 6 })
    const lfs = fc.constantFrom(
      'filter=lfs',
      'filter=lfs',
      '-filter',
      '!filter',
      'filter',
      'filter=x',
      'm',
      '-m',
      '!m',
      'text',
    )
    const line = fc
      .tuple(body, fc.constantFrom('', '', '/'), lfs, fc.constantFrom('', '', 'm', '-filter', 'text'))
      // Git 2.39 takes two stars right after a name for "any folders"; newer git and gitignore(5) say they are one star.
      .filter(([pattern]) => !/[^/*]\*\*/.test(pattern))
      .map(([pattern, slash, ...settings]) => `${pattern}${slash} ${settings.join(' ')}`)
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
      text: fc.array(line, { minLength: 4, maxLength: 10 }).map(lines => lines.join('\n')),
      paths: fc.array(path, { minLength: 50, maxLength: 70 }),
    })
    // Each case is the file of a folder of its own, so that git is started once; macros are defined at the root.
    const macro = '[attr]m filter=lfs -text\n'
    const cases = fc.sample(made, { seed: 6, numRuns: 400 })
    for (const [i, { text }] of cases.entries()) {
      mkdirSync(join(folder, `random${i}`))
      writeFileSync(join(folder, `random${i}`, '.gitattributes'), text)
    }
    const git = askGit(
      macro,
      cases.flatMap(({ paths }, i) => paths.map(each => `random${i}/${each}`)),
    )
    expect(git.size).toBeGreaterThan(1000)
    for (const [i, { text, paths }] of cases.entries()) {
      const { isLfs } = parseGitattributes(macro + text)
      for (const each of paths)
        expect([text, each, isLfs(each)]).toEqual([text, each, git.has(`random${i}/${each}`)])
    }
  })

  it('answers for any bytes', () => {
    const near = fc.string({
      unit: fc.constantFrom('*', 'a', ' ', '\n', '"', '\\', '[attr]', 'filter=lfs', '-', '!', '0', '\0'),
    })
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), near), fc.string(), (text, path) => {
        expect(typeof parseGitattributes(text).isLfs(path)).toBe('boolean')
      }),
      runs(10_000),
    )
  })

  it('follows a long chain of macros', () => {
    const chain = Array.from({ length: 50_000 }, (_, i) => `[attr]m${i} m${i + 1}`).join('\n')
    expect(parseGitattributes(`${chain}\n[attr]m50000 filter=lfs\n*.bin m0`).isLfs('x.bin')).toBe(true)
  })

  it('reads no file over its limit', () => {
    expect(parseGitattributes(new Uint8Array(LIMIT)).isLfs('a')).toBe(false)
    expect(() => parseGitattributes(new Uint8Array(LIMIT + 1))).toThrow(LimitExceeded)
  })
})

describe('addLfsPaths', () => {
  const added = (text: string, paths: string[]) => Buffer.from(addLfsPaths(text, paths)).toString()

  it('adds a line for each path, in the spelling of git-lfs', () => {
    expect(added('*.bin -text', ['data/big.json', 'my model.txt', 'd/#[1]*?.txt'])).toBe(
      `*.bin -text\ndata/big.json ${LFS}\n/my[[:space:]]model.txt ${LFS}\nd/\\#\\[1\\]\\*\\?.txt ${LFS}\n`,
    )
  })

  it('leaves what is covered already', () => {
    const text = DEFAULT_GITATTRIBUTES.model
    expect(added(text, ['model.safetensors', 'x/y.bin'])).toBe(text)
    expect(added('', ['a', 'a'])).toBe(`/a ${LFS}\n`)
  })

  it('keeps the bytes before, text or not', () => {
    const before = Uint8Array.of(0xff, 0xfe, 0x0d, 0x0a)
    expect(addLfsPaths(before, ['a']).subarray(0, 4)).toEqual(Buffer.from(before))
  })

  it('covers exactly the path, for git as for us', () => {
    const name = fc.constantFrom(
      'a',
      'b c',
      '*',
      '?',
      '[a]',
      '\\a',
      '!',
      '#',
      '"',
      '""',
      'é',
      ' ',
      '[attr]a',
      ']',
      '-',
      "'",
    )
    const path = fc
      .array(name, { minLength: 1, maxLength: 4 })
      .map(names => names.join('/').replaceAll('\\', '_'))
    const paths = [...new Set(fc.sample(path, { seed: 3, numRuns: 1500 }))]
    const chosen = paths.filter((_, i) => i % 3 === 0)
    const text = addLfsPaths(`* -filter\n`, chosen)
    expect(expectAgreement(text, paths)).toEqual(new Set(chosen))
  })

  it('is undone by isLfs', () => {
    const segment = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 })
    const paths = fc.array(segment, { minLength: 1, maxLength: 3 }).map(segments => segments.join('/'))
    fc.assert(
      fc.property(paths, paths, (path, other) => {
        try {
          const { isLfs } = parseGitattributes(addLfsPaths('* -filter', [path]))
          expect(isLfs(path)).toBe(true)
          expect(isLfs(other)).toBe(other === path)
        } catch (error) {
          if (!(error instanceof MalformedInput)) throw error
        }
      }),
      runs(10_000),
    )
  })

  it('refuses what git would not read back', () => {
    const long = Array(200).fill('abcdefghijk').join('/')
    expect(() => added('', [long])).toThrow(LimitExceeded)
    expect(() => added('', ['a\nb'])).toThrow(MalformedInput)
    expect(() => added('#'.repeat(LIMIT), ['a'])).toThrow(LimitExceeded)
  })
})

describe('DEFAULT_GITATTRIBUTES', () => {
  it('has the lines of the public hub', () => {
    expect(DEFAULT_GITATTRIBUTES.model.startsWith(`*.7z ${LFS}\n*.arrow ${LFS}\n*.bin ${LFS}\n`)).toBe(true)
    expect(DEFAULT_GITATTRIBUTES.model.endsWith(`*.zst ${LFS}\n*tfevents* ${LFS}\n`)).toBe(true)
    expect(DEFAULT_GITATTRIBUTES.model.split('\n').length).toBe(36)
    expect(DEFAULT_GITATTRIBUTES.space).toBe(DEFAULT_GITATTRIBUTES.model)
    expect(DEFAULT_GITATTRIBUTES.dataset).toContain(`# Audio files - compressed\n*.aac ${LFS}\n`)
    expect(DEFAULT_GITATTRIBUTES.dataset.endsWith(`*.mp4 ${LFS}\n*.webm ${LFS}\n`)).toBe(true)
  })

  it.each([
    'm.safetensors',
    'x/pytorch_model.bin',
    'saved_model/variables/x',
    'events.out.tfevents.1',
    'a.lfs.txt',
    'b.tar.gz',
  ])('makes %s LFS everywhere', path => {
    for (const text of Object.values(DEFAULT_GITATTRIBUTES))
      expect(parseGitattributes(text).isLfs(path)).toBe(true)
  })

  it.each(['README.md', 'config.json', 'saved_model/x.json', 'm.gguf', 'a/.gitattributes'])(
    'leaves %s',
    path => {
      const covered = path === 'saved_model/x.json'
      for (const text of Object.values(DEFAULT_GITATTRIBUTES))
        expect(parseGitattributes(text).isLfs(path)).toBe(covered)
    },
  )

  it('makes images LFS in datasets only', () => {
    expect(parseGitattributes(DEFAULT_GITATTRIBUTES.dataset).isLfs('a/1.png')).toBe(true)
    expect(parseGitattributes(DEFAULT_GITATTRIBUTES.model).isLfs('a/1.png')).toBe(false)
  })
})
