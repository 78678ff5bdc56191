import { checkFullRef } from '../../formats/ref-name.ts'
import type { User } from '../../kernel/actor.ts'
import { HubError } from '../../kernel/errors.ts'
import { defaultBranch, type Repository } from '../../kernel/repository.ts'
import { demandCommit } from './demand-commit.ts'
import { RefProtected } from './errors.ts'
import { linesOf } from './git-program.ts'
import type { RepoParts } from './parts.ts'
import { pullRequestNumber } from './pull-requests.ts'
import type { Quarantine } from './push-quarantine.ts'
import type { RefCommand } from './push-request.ts'
import type { Ref } from './store.ts'

/** A ref that may move: `commitId` is the commit behind `after`. */
export interface RefMove extends RefCommand {
  readonly commitId: string | undefined
}

/** What git clients and people know as the answer to a push that comes too late. */
export const fetchFirst = 'fetch first'

/** By ref, why it cannot move whatever the objects are; those without an entry go on. */
export function faultsOf(commands: readonly RefCommand[], refs: readonly Ref[]): Map<string, string> {
  const current = new Map(refs.map(ref => [ref.name, ref.oid]))
  const seen = new Set<string>()
  const faults = new Map<string, string>()
  for (const command of commands) {
    const { ref } = command
    const fault = seen.has(ref) ? 'is named more than once' : faultOf(command, current.get(ref))
    if (fault !== undefined) faults.set(ref, fault)
    seen.add(ref)
  }
  return faults
}

function faultOf({ ref, before, after }: RefCommand, current: string | undefined): string | undefined {
  try {
    checkFullRef(ref)
  } catch (error) {
    if (error instanceof HubError) return error.message
    throw error
  }
  const pullRequest = pullRequestNumber(ref)
  if (pullRequest !== undefined) {
    if (current === undefined)
      return `there is no pull request ${pullRequest}; open one, then push to its ref`
    if (after === undefined)
      return 'the ref of a pull request cannot be deleted; close the pull request instead'
  } else if (!ref.startsWith('refs/heads/') && !ref.startsWith('refs/tags/')) {
    return 'only refs/heads/*, refs/tags/* and refs/pr/<number> can be pushed'
  }
  if (after === undefined && ref === `refs/heads/${defaultBranch}`) return new RefProtected(ref).message
  // A ref that is to go and has gone is as it should be.
  if (after === undefined && current === undefined) return undefined
  return before === current ? undefined : fetchFirst
}

/** By ref, why this user may not move it; how many bytes may come at most. */
export async function refusalsOf(
  parts: Pick<RepoParts, 'policy' | 'pullRequests'>,
  actor: User,
  repo: Repository,
  commands: readonly RefCommand[],
): Promise<{ faults: Map<string, string>; room: number }> {
  const faults = new Map<string, string>()
  let least = Number.POSITIVE_INFINITY
  for (const { ref } of commands) {
    try {
      const { room } = await demandCommit(parts, actor, repo, { revision: ref })
      least = Math.min(least, room)
    } catch (error) {
      if (!(error instanceof HubError)) throw error
      faults.set(ref, error.message)
    }
  }
  return { faults, room: least }
}

/** Looks behind the new ids: a branch must be at a commit, a tag at one or at an annotated tag of one. Faults by ref. */
export async function peelTips(
  quarantine: Quarantine,
  commands: readonly RefCommand[],
): Promise<{ moves: RefMove[]; faults: Map<string, string> }> {
  const oids = [...new Set(commands.flatMap(({ after }) => after ?? []))]
  const tips = new Map<string, { type: string; commitId: string | undefined }>()
  if (oids.length > 0) {
    const asking = quarantine.run(['cat-file', '--batch-check'], questions(oids))
    const answers: string[] = []
    for await (const line of linesOf(asking.output)) answers.push(line)
    await asking.ended
    oids.forEach((oid, at) => {
      const [, type = ''] = (answers[2 * at] ?? '').split(' ')
      const [commitId, commitType] = (answers[2 * at + 1] ?? '').split(' ')
      tips.set(oid, { type, commitId: commitType === 'commit' ? commitId : undefined })
    })
  }
  const faults = new Map<string, string>()
  const moves: RefMove[] = []
  for (const command of commands) {
    const tip = command.after === undefined ? undefined : tips.get(command.after)
    const fault = tip && faultOfTip(command, tip)
    if (fault !== undefined) faults.set(command.ref, fault)
    else moves.push({ ...command, commitId: tip?.commitId })
  }
  return { moves, faults }
}

async function* questions(oids: readonly string[]): AsyncGenerator<string> {
  for (const oid of oids) yield `${oid}\n${oid}^{commit}\n`
}

function faultOfTip(
  { ref, after }: RefCommand,
  { type, commitId }: { type: string; commitId: string | undefined },
): string | undefined {
  if (type === 'missing') return `object ${after} was not sent and is not here`
  if (!ref.startsWith('refs/tags/') && type !== 'commit')
    return `a branch must be at a commit, not at a ${type}`
  if (commitId === undefined) return 'a tag must be of a commit'
  return undefined
}

/**
 * A created ref that no clone could hold beside the others, since git keeps refs as files: `a` where `a/b` is, or
 * `a/b` where `a` is. With the ref that is in its way.
 */
export function findClash(
  created: readonly string[],
  all: readonly string[],
): { ref: string; other: string } | undefined {
  if (created.length === 0) return undefined
  const names = new Set(all)
  const folders = new Map<string, string>()
  for (const name of all) for (const folder of foldersOf(name)) folders.set(folder, name)
  for (const ref of created) {
    const other = folders.get(ref) ?? foldersOf(ref).find(folder => names.has(folder))
    if (other !== undefined) return { ref, other }
  }
  return undefined
}

function foldersOf(ref: string): string[] {
  const segments = ref.split('/')
  return segments.slice(0, -1).map((_, at) => segments.slice(0, at + 1).join('/'))
}
