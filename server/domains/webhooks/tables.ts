/** SQL tables of this domain. Booleans are 0 | 1, times milliseconds. */
export type WebhookTables = {
  webhooks: {
    id: string
    user_id: string
    url: string
    /** Sent with each delivery, so it cannot be hashed; no answer and no log shows it. */
    secret: string | null
    /** `repo`, `discussion` or `repo,discussion`. */
    domains: string
    disabled: number
    /** Why the hub has disabled it itself. */
    disabled_reason: string | null
    /** Since when nothing has arrived; null while things do. */
    failing_since: number | null
    /** Attempts that failed one after the other. */
    failures: number
    /** Nothing is tried before. */
    retry_at: number
    created_at: number
  }
  webhook_watches: {
    webhook_id: string
    type: WatchedType
    /** As its owner wrote it. */
    name: string
    /** `account/alice` or `model/alice/my-model`, folded: what events are looked up by. */
    key: string
  }
  webhook_deliveries: {
    id: string
    webhook_id: string
    action: string
    scope: string
    /** The repository as it was, JSON: it may be gone when the payload is sent. */
    repo: string
    /** JSON, as it is sent. */
    payload: string
    state: DeliveryState
    attempts: number
    /** HTTP status of the last attempt. */
    status: number | null
    duration_ms: number | null
    error: string | null
    created_at: number
    sent_at: number | null
  }
}

export const watchedTypes = ['user', 'org', 'model', 'dataset', 'space', 'kernel'] as const
export type WatchedType = (typeof watchedTypes)[number]
type DeliveryState = 'waiting' | 'delivered' | 'failed'
