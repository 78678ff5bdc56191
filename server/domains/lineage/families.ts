import { createHash } from 'node:crypto'

/** Short, the same for ever, and it tells nothing of the model: the first 50 bits of a hash of its id, in base 32. */
export function familyIdOf(repoId: string): string {
  const digits = 'abcdefghijkmnpqrstuvwxyz23456789'
  const hash = createHash('sha256').update(`family ${repoId}`).digest()
  return Array.from({ length: 10 }, (_, at) => digits[(hash[at] as number) & 31]).join('')
}

interface Kin {
  readonly repo_id: string
  readonly ordered_at: number
  readonly own_family: string
}

/** The order of arrival; whatever comes at once is told apart by its id. */
export function isBefore(
  a: Pick<Kin, 'repo_id' | 'ordered_at'>,
  b: Pick<Kin, 'repo_id' | 'ordered_at'>,
): boolean {
  return a.ordered_at < b.ordered_at || (a.ordered_at === b.ordered_at && a.repo_id < b.repo_id)
}

/** The family of each: all that are tied to each other, however far, under the name of the first of them. */
export function assignFamilies(
  kin: readonly Kin[],
  ties: Iterable<readonly [string, string]>,
): Map<string, string> {
  const leaders = new Map(kin.map(member => [member.repo_id, member]))
  const byId = new Map(leaders)
  const leaderOf = (id: string): Kin | undefined => {
    let leader = leaders.get(id)
    while (leader && leader !== leaders.get(leader.repo_id)) leader = leaders.get(leader.repo_id)
    if (leader) leaders.set(id, leader)
    return leader
  }
  for (const [one, other] of ties) {
    const [a, b] = [leaderOf(one), leaderOf(other)]
    if (!a || !b || a === b) continue
    const [first, second] = isBefore(a, b) ? [a, b] : [b, a]
    leaders.set(second.repo_id, first)
  }
  return new Map([...byId.keys()].map(id => [id, (leaderOf(id) as Kin).own_family]))
}
