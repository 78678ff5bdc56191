import { type Repository, repoApiPath, repoId, repoPath } from '../../kernel/repository.ts'

/** What has happened, in the words of the receivers (huggingface_hub `_webhooks_payload.py:WebhookPayload`, version 3). */
export interface News {
  readonly domain: 'repo' | 'discussion'
  readonly event: {
    readonly action: 'create' | 'delete' | 'move' | 'update'
    readonly scope: 'repo' | 'repo.content' | 'repo.config' | 'discussion' | 'discussion.comment'
  }
  readonly repo: Repository
  readonly headSha?: string | undefined
  readonly updatedRefs?: readonly { ref: string; oldSha: string | null; newSha: string | null }[]
  readonly movedTo?: { readonly name: string; readonly owner: { readonly id: string } }
  readonly discussion?: DiscussionFacts
}

export interface DiscussionFacts {
  readonly id: string
  readonly number: number
  readonly title: string
  readonly status: 'draft' | 'open' | 'closed' | 'merged'
  readonly isPullRequest: boolean
  readonly authorId: string
  /** The newest one. */
  readonly comment?: {
    readonly id: string
    readonly authorId: string
    readonly content: string
    readonly hidden: boolean
  }
}

export function payloadOf(news: News, webhookId: string, publicUrl: string): object {
  const { repo, discussion, event } = news
  const web = publicUrl + repoPath(repo)
  const api = publicUrl + repoApiPath(repo)
  return {
    event,
    repo: {
      type: repo.type,
      name: repoId(repo),
      id: repo.id,
      private: repo.isPrivate,
      url: { web, api },
      ...(news.headSha !== undefined && { headSha: news.headSha }),
      owner: { id: repo.namespaceId },
    },
    ...(discussion && discussionOf(discussion, event.scope, web, api)),
    ...(news.updatedRefs && { updatedRefs: news.updatedRefs }),
    ...(news.movedTo && { movedTo: news.movedTo }),
    webhook: { id: webhookId, version: 3 },
  }
}

function discussionOf(facts: DiscussionFacts, scope: string, web: string, api: string): object {
  const { number, comment } = facts
  const page = `${web}/discussions/${number}`
  const isNewComment = scope === 'discussion.comment'
  return {
    discussion: {
      id: facts.id,
      num: number,
      title: facts.title,
      status: facts.status,
      isPullRequest: facts.isPullRequest,
      author: { id: facts.authorId },
      url: { web: page, api: `${api}/discussions/${number}` },
      ...(facts.isPullRequest && { changes: { base: 'refs/heads/main' } }),
    },
    ...(comment &&
      isNewComment && {
        comment: {
          id: comment.id,
          author: { id: comment.authorId },
          hidden: comment.hidden,
          ...(!comment.hidden && { content: comment.content }),
          url: { web: `${page}#${comment.id}` },
        },
      }),
  }
}
