import type { User } from '../../kernel/actor.ts'
import { LimitExceeded, MalformedInput } from '../../kernel/errors.ts'
import { newId } from '../../kernel/ids.ts'
import { findWebhook } from './find-webhook.ts'
import type { WebhookParts } from './parts.ts'
import { insertWebhook, replaceWatches, updateWebhook, type WebhookRow, webhooksOf } from './store.ts'
import type { WatchedType } from './tables.ts'
import { readWatched } from './watched.ts'

const perUser = 100
/** Stands for a secret that is there. Sent back it means: as it was. */
export const hiddenSecret = '********'

export interface WantedWebhook {
  readonly url?: string | undefined
  readonly watched?: readonly { type: WatchedType; name: string }[] | undefined
  readonly domains?: readonly ('repo' | 'discussion')[] | undefined
  readonly secret?: string | null | undefined
}

/** Throws MalformedInput, LimitExceeded. */
export async function createWebhook(
  parts: WebhookParts,
  user: User,
  wanted: WantedWebhook,
): Promise<WebhookRow> {
  const { url, watched = [], domains = ['repo', 'discussion'], secret } = wanted
  if (url === undefined) {
    throw new MalformedInput('webhook', 'needs a url; this hub runs no jobs that it could start instead')
  }
  const now = parts.clock()
  const row: WebhookRow = {
    id: newId(now),
    user_id: user.id,
    url: checkUrl(url),
    secret: secret || null,
    domains: domainsOf(domains),
    disabled: 0,
    disabled_reason: null,
    failing_since: null,
    failures: 0,
    retry_at: 0,
    created_at: now,
  }
  const watches = readWatched(watched)
  await parts.database.transaction(async tx => {
    const count = (await webhooksOf(tx, user.id)).length
    if (count >= perUser) throw new LimitExceeded('webhooks of one user', perUser, 'webhooks')
    await insertWebhook(tx, row)
    await replaceWatches(tx, row.id, watches)
  })
  return row
}

/** What is not named stays as it is. Throws WebhookNotFound, MalformedInput. */
export async function changeWebhook(
  parts: WebhookParts,
  user: User,
  id: string,
  wanted: WantedWebhook,
): Promise<WebhookRow> {
  const { url, watched, domains, secret } = wanted
  const change: Partial<WebhookRow> = {
    ...(url !== undefined && { url: checkUrl(url), failing_since: null, failures: 0, retry_at: 0 }),
    ...(domains !== undefined && { domains: domainsOf(domains) }),
    ...(secret !== undefined && secret !== hiddenSecret && { secret: secret || null }),
  }
  const watches = watched?.length ? readWatched(watched) : undefined
  return await parts.database.transaction(async tx => {
    const row = await findWebhook(tx, user, id)
    if (Object.keys(change).length > 0) await updateWebhook(tx, id, change)
    // huggingface_hub sends an empty list when it means to leave it (`hf_api.py:update_webhook`).
    if (watches) await replaceWatches(tx, id, watches)
    return { ...row, ...change }
  })
}

/** Enabled anew, it starts with a clean record. Throws WebhookNotFound. */
export async function switchWebhook(
  parts: WebhookParts,
  user: User,
  id: string,
  isOn: boolean,
): Promise<WebhookRow> {
  const change = isOn
    ? { disabled: 0, disabled_reason: null, failing_since: null, failures: 0, retry_at: 0 }
    : { disabled: 1, disabled_reason: null }
  return await parts.database.transaction(async tx => {
    const row = await findWebhook(tx, user, id)
    await updateWebhook(tx, id, change)
    return { ...row, ...change }
  })
}

function checkUrl(text: string): string {
  const url = URL.parse(text)
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new MalformedInput('url', 'must begin with https:// or http://')
  }
  if (url.username || url.password) {
    throw new MalformedInput('url', 'must not carry a name or a password; there is the secret for that')
  }
  return text
}

function domainsOf(domains: readonly string[]): string {
  if (domains.length === 0) throw new MalformedInput('domains', 'must name repo, discussion or both')
  return [...new Set(domains)].sort().reverse().join(',')
}
