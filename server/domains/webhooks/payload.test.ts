import { expect, it } from 'vitest'
import type { Repository } from '../../kernel/repository.ts'
import { type DiscussionFacts, type News, payloadOf } from './payload.ts'

/** Against the examples in the test of huggingface_hub (`tests/test_webhooks_server.py`). */

const repo: Repository = {
  id: '656896965808298301ed7ccf',
  type: 'space',
  namespaceId: '6273f303f6d63a28483fde12',
  namespace: 'ada',
  name: 'board',
  isPrivate: false,
  gated: false,
  createdAt: 0,
  updatedAt: 0,
}
const discussion: DiscussionFacts = {
  id: '656a0dfcadba74cd5ef4545b',
  number: 4,
  title: 'Update the board',
  status: 'open',
  isPullRequest: true,
  authorId: '61d2f90c3c2083e1c08af22d',
  comment: {
    id: '6399f58518721fdd27fc9caa',
    authorId: '61d2f90c3c2083e1c08af22d',
    content: 'Why?',
    hidden: false,
  },
}

function payload(scope: 'discussion' | 'discussion.comment', facts: DiscussionFacts) {
  const news: News = { domain: 'discussion', event: { action: 'create', scope }, repo, discussion: facts }
  return payloadOf(news, 'hook', 'https://hub.example')
}

it('tells of a pull request, and of its newest comment', () => {
  const page = 'https://hub.example/spaces/ada/board/discussions/4'
  const shown = {
    event: { action: 'create', scope: 'discussion.comment' },
    repo: {
      type: 'space',
      name: 'ada/board',
      id: '656896965808298301ed7ccf',
      private: false,
      url: { web: 'https://hub.example/spaces/ada/board', api: 'https://hub.example/api/spaces/ada/board' },
      owner: { id: '6273f303f6d63a28483fde12' },
    },
    discussion: {
      id: '656a0dfcadba74cd5ef4545b',
      num: 4,
      title: 'Update the board',
      status: 'open',
      isPullRequest: true,
      author: { id: '61d2f90c3c2083e1c08af22d' },
      url: { web: page, api: 'https://hub.example/api/spaces/ada/board/discussions/4' },
      changes: { base: 'refs/heads/main' },
    },
    webhook: { id: 'hook', version: 3 },
  }
  const comment = {
    id: '6399f58518721fdd27fc9caa',
    author: { id: '61d2f90c3c2083e1c08af22d' },
    hidden: false,
    content: 'Why?',
    url: { web: `${page}#6399f58518721fdd27fc9caa` },
  }
  expect(payload('discussion.comment', discussion)).toEqual({ ...shown, comment })
  expect(payload('discussion', discussion)).toEqual({
    ...shown,
    event: { action: 'create', scope: 'discussion' },
  })
})

it('does not say what a hidden comment said', () => {
  const hidden = { ...discussion, comment: { ...discussion.comment!, hidden: true } }
  expect(JSON.stringify(payload('discussion.comment', hidden))).not.toContain('Why?')
})
