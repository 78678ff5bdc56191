import type { Repository } from '../../kernel/repository.ts'
import { GitAborted, GitTimedOut, runGit } from './git-program.ts'
import { mergeBaseOf } from './history.ts'
import type { RepoParts } from './parts.ts'

/** What a page can show. */
const diffLimit = 1024 * 1024
const limits = { idleMs: 10_000, totalMs: 20_000 }

/**
 * What `to` has changed since it left `from`, as `git diff` writes it; at most 1 MiB, and a last line says when that is not all.
 * Throws HubBusy.
 */
export async function diffCommits(
  parts: Pick<RepoParts, 'mirror' | 'admission' | 'git'>,
  repo: Repository,
  from: string,
  to: string,
): Promise<string> {
  // History may have been rewritten since.
  if (!(await parts.git.isCommit(repo.id, from)) || !(await parts.git.isCommit(repo.id, to))) return ''
  const base = await mergeBaseOf(parts, repo, from, to)
  if (base === undefined || base === to) return ''
  const leave = await parts.admission.fetches.take()
  try {
    const mirror = await parts.mirror.open(repo)
    try {
      return await runDiff(mirror.path, parts.mirror.folder, base, to)
    } finally {
      mirror.release()
    }
  } finally {
    leave()
  }
}

async function runDiff(path: string, home: string, base: string, to: string): Promise<string> {
  const git = runGit({
    args: [
      ...[`--git-dir=${path}`, '-c', 'core.quotePath=false', '-c', 'diff.renames=false'],
      ...['diff', '--no-color', '--no-ext-diff', '--no-textconv', '--submodule=short', base, to, '--'],
    ],
    home,
    limits,
  })
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of git.output) {
    pieces.push(piece)
    length += piece.length
    if (length > diffLimit) break
  }
  const isWhole = await git.ended.then(
    () => true,
    error => {
      if (error instanceof GitAborted || error instanceof GitTimedOut) return false
      throw error
    },
  )
  const text = Buffer.concat(pieces).subarray(0, diffLimit).toString('utf8')
  return isWhole ? text : `${text}\n… the rest is left out\n`
}
