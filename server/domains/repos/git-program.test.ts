import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { createDeflate } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { encodePackEntryHeader, encodePackHeader } from '../../formats/packfile.ts'
import { GitAborted, GitFailed, GitTimedOut, gitText, linesOf, requireGit, runGit } from './git-program.ts'

const home = tmpdir()
/** Git that waits for input, which never comes. */
const waiting = { args: ['hash-object', '--stdin'], home, input: { [Symbol.asyncIterator]: forever } }

function forever(): AsyncIterator<Uint8Array> {
  return { next: () => new Promise(() => {}) }
}

async function* pieces(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text)
}

describe('runGit', () => {
  it('feeds git and gives its output', async () => {
    // The id that git-hash-object(1) gives "hello\n".
    const said = await gitText({ args: ['hash-object', '--stdin'], home, input: pieces('hel', 'lo\n') })
    expect(said).toBe('ce013625030ba8dba906f756967f9e9ca394464a\n')
  })

  it('lets nothing of our own configuration in', async () => {
    process.env.GIT_DIR = '/nowhere'
    process.env.GIT_CONFIG_COUNT = '1'
    process.env.GIT_CONFIG_KEY_0 = 'user.name'
    process.env.GIT_CONFIG_VALUE_0 = 'leaked'
    try {
      const said = await gitText({ args: ['var', '-l'], home })
      expect(said).not.toContain('leaked')
      expect(said).not.toContain('/nowhere')
    } finally {
      for (const name of Object.keys(process.env)) if (name.startsWith('GIT_')) delete process.env[name]
    }
  })

  it('says what git said when it fails', async () => {
    const failing = gitText({ args: ['cat-file', '-p', 'nothing'], home })
    await expect(failing).rejects.toThrow(GitFailed)
    await expect(failing).rejects.toThrow(/^git cat-file ended with 128: .*not a git repository/s)
  })

  it.each([
    [{ idleMs: 20, totalMs: 60_000 }, 'git hash-object was ended: nothing moved for 0 s'],
    [{ idleMs: 60_000, totalMs: 20 }, 'git hash-object was ended: it took over 0 s'],
  ])('ends git by its limits %j', async (limits, words) => {
    const git = runGit({ ...waiting, limits })
    await expect(git.ended).rejects.toThrow(GitTimedOut)
    await expect(git.ended).rejects.toThrow(words)
  })

  it('ends git that computes for too long: a short pack that inflates without end', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'banyan-bomb-'))
    const size = 1.5 * 2 ** 30
    const inflates = async function* () {
      yield encodePackHeader(1)
      yield encodePackEntryHeader({ type: 'blob', size })
      const deflate = createDeflate()
      const zeros = Buffer.alloc(1024 * 1024)
      Readable.from(
        (function* () {
          for (let at = 0; at < size; at += zeros.length) yield zeros
        })(),
      ).pipe(deflate)
      yield* deflate
    }
    await gitText({ args: ['init', '-q', '--bare', 'bomb.git'], home: folder })
    const run = {
      args: ['--git-dir=bomb.git', '-c', 'core.bigFileThreshold=16m', 'index-pack', '--stdin'],
      home: folder,
      input: inflates(),
      limits: { idleMs: 60_000, totalMs: 60_000, cpuSeconds: 1 },
    }
    await expect(gitText(run)).rejects.toThrow('git index-pack was ended: it computed for 1 s')
    await rm(folder, { recursive: true })
  }, 60_000)

  it('ends git and what it has started when nobody waits any more', async () => {
    const gone = new AbortController()
    const git = runGit({
      args: ['-c', 'alias.wait=!echo up; exec sleep 600', 'wait'],
      home,
      signal: gone.signal,
    })
    // Ends only when the last process that could write to it has.
    for await (const piece of git.output) if (Buffer.from(piece).toString() === 'up\n') gone.abort()
    await expect(git.ended).rejects.toThrow(GitAborted)
  })

  it('ends git when its output is left', async () => {
    const git = runGit({ args: ['-c', 'alias.flood=!yes', 'flood'], home })
    for await (const _ of git.output) break
    await expect(git.ended).rejects.toThrow(GitAborted)
  })

  it('fails as its input fails', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('x')
      throw new Error('the line broke')
    }
    await expect(gitText({ args: ['hash-object', '--stdin'], home, input: broken() })).rejects.toThrow(
      'the line broke',
    )
  })

  it('reads the input to its end though git does not', async () => {
    let isRead = false
    async function* much(): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < 50; at++) yield Buffer.alloc(64 * 1024)
      isRead = true
    }
    await expect(gitText({ args: ['no-such-command'], home, input: much() })).rejects.toThrow(GitFailed)
    while (!isRead) await new Promise(setImmediate)
  })
})

describe('linesOf', () => {
  it('joins what was cut between pieces', async () => {
    expect(await all(linesOf(pieces('a\nb', 'c', '\n\nd', 'é')))).toEqual(['a', 'bc', '', 'dé'])
  })

  it('has a limit', async () => {
    await expect(all(linesOf(pieces('x'.repeat(100_000))))).rejects.toThrow('over the limit')
  })
})

describe('requireGit', () => {
  const { PATH } = process.env
  afterEach(() => {
    process.env.PATH = PATH
  })

  it('says that git is missing, and finds it later', async () => {
    process.env.PATH = '/nowhere'
    await expect(requireGit()).rejects.toThrow('the program git is not on PATH')
    process.env.PATH = PATH
    await expect(requireGit()).resolves.toBeUndefined()
  })
})

async function all(lines: AsyncIterable<string>): Promise<string[]> {
  const found = []
  for await (const line of lines) found.push(line)
  return found
}
