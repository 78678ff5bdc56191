import { checkGateAnswers } from '../../formats/gate-form.ts'
import type { User } from '../../kernel/actor.ts'
import { newId } from '../../kernel/ids.ts'
import type { Repository } from '../../kernel/repository.ts'
import { AccessHeld, NotGated, OwnersHaveDecided } from './errors.ts'
import { gateFormOf } from './gate-form.ts'
import type { GateParts } from './parts.ts'
import { insertRequest, replaceAnswers, requestOf } from './store.ts'
import type { RequestStatus } from './tables.ts'

/**
 * Asks for access with the answers to the card's questions: granted at once where the gate is `auto`. Who waits may
 * answer anew. Throws NotGated, AccessHeld, OwnersHaveDecided, or MalformedInput about the answers.
 */
export async function askAccess(
  parts: Pick<GateParts, 'database' | 'clock' | 'policy' | 'repos' | 'admission'>,
  user: User,
  repo: Repository,
  answers: Readonly<Record<string, unknown>>,
): Promise<RequestStatus> {
  if (!repo.gated) throw new NotGated(repo)
  const admission = await parts.admission(user, repo)
  if (admission === 'accepted' || parts.policy.can(user, 'repo:write', { repo }).allowed) {
    throw new AccessHeld(repo, user.name)
  }
  const form = await gateFormOf(parts, repo)
  const fields = form.fields.length > 0 ? JSON.stringify(checkGateAnswers(form, answers)) : null
  const status = repo.gated === 'auto' ? 'accepted' : 'pending'
  const now = parts.clock()
  await parts.database.transaction(async tx => {
    const before = await requestOf(tx, repo.id, user.id)
    if (before) {
      if (await replaceAnswers(tx, before.id, status, fields)) return
      throw new OwnersHaveDecided(repo, before.status, before.rejection_reason)
    }
    await insertRequest(tx, {
      id: newId(now),
      repo_id: repo.id,
      user_id: user.id,
      status,
      fields,
      is_by_hand: 0,
      rejection_reason: null,
      created_at: now,
      decided_at: null,
    })
  })
  return status
}
