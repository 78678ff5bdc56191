import type { Figure } from './kit/figure.ts'
import { factsOf, timeOfOne } from './kit/many-and-few.ts'
import { type FilledHub, manyAndFew, onlyTag } from './kit/many-repos.ts'

export const figure: Figure = {
  name: 'list-100000-repos',
  question: 'How long does a busy hub with 100,000 repositories take for a page of a list or search?',
  unit: 'ms',
  reference: 'itself with 100 repositories: the same questions in turn, with answers of the same length',
  target: [{ of: 'ratio', atMost: 1.3 }],
  async run(bench) {
    const { many, few } = await bench.shared(manyAndFew)
    const [ofMany, ofFew] = [await listQuestions(many), await listQuestions(few)]
    const ask = (urls: readonly string[], token?: string, time?: number) =>
      timeOfOne(
        bench,
        { questions: urls.map(url => ({ method: 'GET', url })), ...(token && { token }) },
        time,
      )
    const rounds = await bench.interleave({
      rounds: 3,
      ours: () => ask(Object.values(ofMany)),
      reference: () => ask(Object.values(ofFew)),
    })
    const each: Record<string, string> = {}
    const compare = async (name: string, token: (filled: FilledHub) => string | undefined) => {
      const ours = await ask([ofMany[name]!], token(many), 1)
      const reference = await ask([ofFew[name]!], token(few), 1)
      each[token(many) ? `${name}, by a user` : name] =
        `${ours.toPrecision(3)} : ${reference.toPrecision(3)} ms`
    }
    for (const name of Object.keys(ofMany)) await compare(name, () => undefined)
    await compare('newest', ({ hub }) => hub.token)
    return { ...rounds, facts: { ...factsOf(many, few), ...each } }
  },
}

/** What clients ask of lists: `huggingface_hub hf_api.py:list_models`, the search field of pages. By name, as URLs. */
async function listQuestions(filled: FilledHub): Promise<Record<string, string>> {
  const { hub, asked } = filled
  const queries = {
    newest: 'limit=20',
    'most downloaded': 'sort=downloads&direction=-1&limit=20',
    'first created': 'sort=createdAt&direction=1&limit=20',
    'of an author': `author=${hub.owner.name}&limit=20`,
    'search, common word': 'search=bert&limit=10',
    'search, two words': 'search=bert+fill&limit=3',
    'search, one hit': `search=${asked[50]?.split('/')[1]}&limit=20`,
    'search, no hit': 'search=nothing-is-called-so&limit=20',
    'tag of half': 'filter=zh&limit=20',
    'tag of one': `filter=${onlyTag}&limit=20`,
    'tag of none': 'filter=nothing-has-this-tag&limit=20',
    'two tags': 'filter=zh&filter=license:mit&limit=10',
    'task and most liked': 'pipeline_tag=fill-mask&sort=likes&direction=-1&limit=10',
    'from the middle': `sort=downloads&direction=-1&limit=20&cursor=${await middle(filled)}`,
  }
  return Object.fromEntries(
    Object.entries(queries).map(([name, query]) => [name, `${hub.url}/api/models?${query}`]),
  )
}

/** The cursor behind the first half of the list by downloads. */
async function middle({ hub, repos }: FilledHub): Promise<string> {
  const limit = Math.min(1000, Math.floor(repos / 4))
  let url = `${hub.url}/api/models?sort=downloads&direction=-1&limit=${limit}`
  for (let seen = limit; ; seen += limit) {
    const page = await fetch(url)
    await page.arrayBuffer()
    url = /^<([^>]+)>; rel="next"$/.exec(page.headers.get('link') ?? '')?.[1] ?? ''
    if (url === '') throw new Error('the list ended before its middle')
    if (seen >= repos * 0.4) return new URL(url).searchParams.get('cursor') ?? ''
  }
}
