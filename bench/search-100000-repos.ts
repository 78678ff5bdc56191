import type { Figure } from './kit/figure.ts'
import { putLoad } from './kit/load.ts'
import { factsOf } from './kit/many-and-few.ts'
import { type FilledHub, kindWord, manyAndFew, onlyTag, onlyText } from './kit/many-repos.ts'

const connections = 16

export const figure: Figure = {
  name: 'search-100000-repos',
  question: 'How long does the slowest of a hundred pages of a list or search take at 100,000 repositories?',
  unit: 'ms',
  reference: 'the median of GET /api/models/{id} of the same hub, kept as busy',
  target: [{ of: 'ratio', atMost: 5 }],
  async run(bench) {
    const { many, few } = await bench.shared(manyAndFew)
    const ask = (urls: readonly string[], seconds = 3) =>
      putLoad({
        questions: urls.map(url => ({ method: 'GET', url })),
        connections,
        warmUpSeconds: bench.size(1, 0.2),
        seconds: bench.size(seconds, 1),
      })
    const questions = questionsOf(many)
    const infos = many.asked.map(name => `${many.hub.url}/api/models/${name}`)
    const rounds = await bench.interleave({
      rounds: 3,
      ours: async () => (await ask(Object.values(questions))).p99,
      reference: async () => (await ask(infos)).p50,
    })
    const each: Record<string, string> = {}
    const tell = async (name: string, urls: readonly string[]) => {
      const { p50, p99 } = await ask(urls, 1)
      each[name] = `${p50.toPrecision(3)}, p99 ${p99.toPrecision(3)} ms`
    }
    for (const [name, url] of Object.entries(questions)) await tell(name, [url])
    await tell(
      'names, none asked before',
      newQuestions(many, n => `bert-fill-mask-0-copy-${n}`),
    )
    await tell(
      'texts, none asked before',
      newQuestions(many, n => `${kindWord(n % 20)} medical ${n}`),
    )
    return { ...rounds, facts: { connections, ...factsOf(many, few), ...each } }
  },
}

/** What people look for: names, words of cards and tags, Chinese, with and without filters. By name, as URLs. */
function questionsOf({ hub, asked }: FilledHub): Record<string, string> {
  const queries = {
    newest: 'limit=20',
    'most downloaded': 'sort=downloads&limit=20',
    'common word': 'search=bert&limit=20',
    'one name': `search=${asked[50]?.split('/')[1]}&limit=20`,
    'word of all texts': 'search=benchmarks&limit=20',
    'word of some texts': `search=${kindWord(3)}&limit=20`,
    'two words': 'search=whisper+medical&limit=20',
    'Chinese, many texts': `search=${encodeURIComponent('中文')}&limit=20`,
    'Chinese, one text': `search=${encodeURIComponent(onlyText)}&limit=20`,
    'no hit': 'search=nothing-is-called-so&limit=20',
    'word and tag': `search=pangolin&filter=${onlyTag}&limit=20`,
    'task and order': 'pipeline_tag=fill-mask&sort=likes&limit=20',
    'all of ten': 'full=true&cardData=true&limit=10',
  }
  return Object.fromEntries(
    Object.entries(queries).map(([name, query]) => [name, `${hub.url}/api/models?${query}`]),
  )
}

/** More than are answered in the time: none is asked a second time. */
function newQuestions({ hub }: FilledHub, word: (n: number) => string): string[] {
  return Array.from(
    { length: 50_000 },
    (_, n) => `${hub.url}/api/models?search=${encodeURIComponent(word(n))}&limit=20`,
  )
}
