import { type Flags, readConfig } from '../../server/config.ts'
import { openHub } from '../../server/open-hub.ts'
import type { Hub } from '../hub.ts'

/** More than the tests ask for of a Space that many like, and of somebody whom many follow. */
const likers = 5001
const followers = 501
const discussions = 51

const LIKED = { namespace: 'open-llm-leaderboard', name: 'open_llm_leaderboard' }
const FOLLOWED = 'clem'

interface Member {
  readonly name: string
  readonly token: string
}

/**
 * People: thousands who like a Space, hundreds who follow somebody and are followed back. The accounts are made in this
 * process, since the command line would take minutes; all else comes by the API.
 */
export async function seedCrowd(hub: Hub, owner: Member): Promise<void> {
  const crowd = Array.from({ length: likers }, (_, n) => ({ name: `fan-${n}`, token: `hf_fan_${n}` }))
  const opened = await openHub(readConfig({ data: hub.data, logLevel: 'silent' } satisfies Flags, {}))
  try {
    for (const { name, token } of crowd)
      await opened.accounts.addUser({ name, token: { value: token, name: 'ci', role: 'write' } })
  } finally {
    await opened.close()
  }

  const post = async (path: string, { token }: Pick<Member, 'token'>, body: object = {}) => {
    const answer = await fetch(`${hub.url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    if (!answer.ok) throw new Error(`POST ${path} answered ${answer.status}: ${await answer.text()}`)
    await answer.arrayBuffer()
  }
  const space = `/api/spaces/${LIKED.namespace}/${LIKED.name}`
  await post('/api/repos/create', owner, {
    type: 'space',
    organization: LIKED.namespace,
    name: LIKED.name,
    sdk: 'static',
  })
  await inParallel(crowd, member => post(`${space}/like`, member))
  await inParallel(crowd.slice(0, followers), async member => {
    await post(`/api/users/${FOLLOWED}/follow`, member)
    await post(`/api/users/${member.name}/follow`, { token: `hf_${FOLLOWED}` })
    await post('/api/organizations/huggingface/follow', member)
  })
  await inParallel(crowd.slice(0, discussions), member =>
    post(`${space}/discussions`, member, { title: 'How is it done?', description: 'Please tell.' }),
  )
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values()
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      for (const item of rest) await work(item)
    }),
  )
}
