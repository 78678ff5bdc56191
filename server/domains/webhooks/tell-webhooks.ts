import { newId } from '../../kernel/ids.ts'
import { defaultBranch, type Repository, repoId } from '../../kernel/repository.ts'
import type { JobHandler, Projection } from '../../ports/queue.ts'
import { RevisionNotFound } from '../repos/index.ts'
import { mayKnow, type WebhookParts } from './parts.ts'
import { type News, payloadOf } from './payload.ts'
import { insertDelivery, isAnyEnabled, pruneDeliveries, renameWatched, webhooksWatching } from './store.ts'
import { keysOf, repoKey } from './watched.ts'

/** Deliveries that a webhook's owner can look back on. */
const keptDeliveries = 200

/** Who watched a repository goes on watching it under its new name. */
export const projections: readonly Projection[] = [
  {
    on: 'repo-saved',
    async apply(tx, { repo, movedFrom }) {
      if (movedFrom) await renameWatched(tx, repoKey(movedFrom), { name: repoId(repo), key: repoKey(repo) })
    },
  },
] satisfies [Projection<'repo-saved'>] as never

/** Each event becomes a delivery for each webhook that watches. A hub without webhooks pays for none of it. */
export function tellingJobs(parts: WebhookParts): JobHandler[] {
  const when = isAnyEnabled
  const saved: JobHandler<'repo-saved'> = {
    name: 'webhooks.tell-repo-saved',
    on: 'repo-saved',
    when,
    async run({ repo, isNew, movedFrom }) {
      if (isNew)
        return await tell(parts, { domain: 'repo', event: { action: 'create', scope: 'repo' }, repo })
      if (movedFrom) {
        return await tell(parts, {
          domain: 'repo',
          event: { action: 'move', scope: 'repo' },
          repo: movedFrom,
          movedTo: { name: repoId(repo), owner: { id: repo.namespaceId } },
        })
      }
      await tell(parts, { domain: 'repo', event: { action: 'update', scope: 'repo.config' }, repo })
    },
  }
  const deleted: JobHandler<'repo-deleted'> = {
    name: 'webhooks.tell-repo-deleted',
    on: 'repo-deleted',
    when,
    run: ({ repo }) => tell(parts, { domain: 'repo', event: { action: 'delete', scope: 'repo' }, repo }),
  }
  const moved: JobHandler<'ref-moved'> = {
    name: 'webhooks.tell-ref-moved',
    on: 'ref-moved',
    when,
    async run({ repoId: id, ref, before, after }) {
      const [repo] = await parts.repos.byId([id])
      if (!repo) return
      await tell(parts, {
        domain: 'repo',
        event: { action: 'update', scope: 'repo.content' },
        repo,
        headSha: await headOf(parts, repo),
        updatedRefs: [{ ref, oldSha: before ?? null, newSha: after ?? null }],
      })
    },
  }
  const discussed: JobHandler<'discussion-changed'> = {
    name: 'webhooks.tell-discussion-changed',
    on: 'discussion-changed',
    when,
    async run({ repoId: id, number, change }) {
      const [repo] = await parts.repos.byId([id])
      const discussion = repo && (await parts.discussionOf(repo, number))
      if (!repo || !discussion) return
      const isAboutComment = change === 'commented' || change === 'edited' || change === 'hidden'
      await tell(parts, {
        domain: 'discussion',
        event: {
          action: change === 'opened' || change === 'commented' ? 'create' : 'update',
          scope: isAboutComment ? 'discussion.comment' : 'discussion',
        },
        repo,
        discussion,
      })
    },
  }
  return [saved, deleted, moved, discussed] as JobHandler[]
}

async function headOf({ repos }: WebhookParts, repo: Repository): Promise<string | undefined> {
  try {
    return await repos.resolve(repo, `refs/heads/${defaultBranch}`)
  } catch (error) {
    if (error instanceof RevisionNotFound) return undefined
    throw error
  }
}

async function tell(parts: WebhookParts, news: News): Promise<void> {
  const keys = [...keysOf(news.repo), ...(news.movedTo ? keysOf(renamed(news.repo, news.movedTo.name)) : [])]
  const watching = await webhooksWatching(parts.database.sql, keys)
  for (const webhook of watching) {
    if (!webhook.domains.split(',').includes(news.domain)) continue
    if (!(await mayKnow(parts, webhook.user_id, news.repo))) continue
    const payload = JSON.stringify(payloadOf(news, webhook.id, parts.publicUrl))
    await addDelivery(parts, webhook.id, { ...news.event, repo: news.repo, payload })
  }
}

function renamed(repo: Repository, id: string): Repository {
  const [namespace = '', name = ''] = id.split('/')
  return { ...repo, namespace, name }
}

/** One more payload for a webhook, on its way at once. */
export async function addDelivery(
  { database, clock, emit }: WebhookParts,
  webhookId: string,
  { action, scope, repo, payload }: { action: string; scope: string; repo: Repository; payload: string },
): Promise<string> {
  const now = clock()
  const id = newId(now)
  await database.transaction(async tx => {
    await insertDelivery(tx, {
      id,
      webhook_id: webhookId,
      action,
      scope,
      repo: JSON.stringify(repo),
      payload,
      state: 'waiting',
      attempts: 0,
      status: null,
      duration_ms: null,
      error: null,
      created_at: now,
      sent_at: null,
    })
    await pruneDeliveries(tx, webhookId, keptDeliveries)
    await emit(tx, 'delivery-due', { deliveryId: id })
  })
  return id
}
