import { anonymous } from '../../kernel/actor.ts'
import { type Repository, repoId } from '../../kernel/repository.ts'
import type { JobHandler } from '../../ports/queue.ts'
import type { LineageParts } from './parts.ts'
import type { Edge, Evidence } from './relations.ts'
import { type DeclaredRow, declaredBy, edgesOf } from './store.ts'
import { showModels } from './visible.ts'

/**
 * Tells the owner, once for each finding, of a declared base that the weights do not bear out and of a parent that the card
 * does not name; and closes what no longer holds. Only of models that anyone may see.
 */
export function reportFindingsJob(parts: LineageParts): JobHandler<'model-placed'> {
  return {
    name: 'lineage.report-findings',
    on: 'model-placed',
    key: ({ repoId }) => repoId,
    run: ({ repoId }) => reportFindings(parts, repoId),
  }
}

interface Report {
  readonly subject: string
  readonly title: string
  readonly description: string
}

const prefix = 'lineage:'

async function reportFindings(parts: LineageParts, id: string): Promise<void> {
  const { database, repos, reports } = parts
  if (!reports) return
  const [repo] = await repos.byId([id])
  if (!repo) return
  const edges = (await edgesOf(database.sql, [id])).get(id) ?? []
  const declared = (await declaredBy(database.sql, [id])).get(id) ?? []
  const found = repo.isPrivate ? [] : await findReports(parts, repo, edges, declared)
  await reports.closeOthers(
    repo,
    prefix,
    found.map(({ subject }) => subject),
    'This no longer holds: the card or the weights have changed, or another model was uploaded.\n\n上述情况已不成立：模型卡或权重有了变化，或者有了新的模型。',
  )
  for (const report of found) await reports.open(repo, report)
}

async function findReports(
  parts: LineageParts,
  repo: Repository,
  edges: readonly Edge[],
  declared: readonly DeclaredRow[],
): Promise<Report[]> {
  const show = await showModels(parts, anonymous, [
    ...edges.map(({ parent }) => parent),
    ...declared.flatMap(({ base_id }) => base_id ?? []),
  ])
  const nameOf = (id: string) => {
    const shown = show(id)
    return 'id' in shown ? shown.id : undefined
  }
  const refuted = declared.filter(
    ({ verdict, base_id }) => verdict === 'refuted' && base_id && nameOf(base_id),
  )
  const [nearest] = edges
  const parent = nearest && nameOf(nearest.parent)
  const isNamed = declared.some(({ verdict }) => verdict !== 'refuted')
  return [
    ...refuted.map(row => refutedReport(row)),
    ...(parent && !isNamed ? [undeclaredReport(repo, nearest, parent)] : []),
  ]
}

function refutedReport({ name, name_key, evidence }: DeclaredRow): Report {
  const numbers = evidence === null ? '' : table(JSON.parse(evidence) as Evidence)
  return {
    subject: `${prefix}refuted:${name_key}`,
    title: `The weights show no sign of ${short(name)} · 权重中看不到其痕迹`,
    description: `The card names \`${name}\` as a base. This hub compares weights, and it found no likeness between these and those of \`${name}\` beyond what unrelated models have. There may be good reasons: distillation leaves no trace in weights, and so does very long training.
${numbers}
What would change this: another base in the card, if another one was meant; or weights that descend from \`${name}\`. This discussion closes itself then. You can also close it, or switch such messages off in the settings of this repository (\`hubDiscussionsDisabled\`).

---

模型卡将 \`${name}\` 列为基础模型。本站比较了二者的权重，其相似程度没有超过互不相关的模型。这可能有合理的原因：蒸馏不会在权重中留下痕迹，很长时间的训练也不会。

以下变化会改变这一结论：如果本意是另一个基础模型，请修改模型卡；或者上传由 \`${name}\` 得来的权重。届时本讨论会自动关闭。您也可以直接关闭它，或在仓库设置中关闭此类消息（\`hubDiscussionsDisabled\`）。`,
  }
}

function undeclaredReport(
  repo: Repository,
  { parent: id, relation, score, evidence }: Edge,
  parent: string,
): Report {
  return {
    subject: `${prefix}undeclared:${id}`,
    title: `The weights look like those of ${short(parent)} · 权重与其相近`,
    description: `The card of \`${repoId(repo)}\` names no base that the weights bear out. By its weights the nearest model that was here before is \`${parent}\` (\`${relation}\`, certainty ${score.toFixed(2)}).
${table(evidence)}
If that is right, \`base_model: ${parent}\` in the card would say so, and this discussion closes itself. If both come from a third model that is not on this hub, name that one. You can also close this, or switch such messages off in the settings of this repository (\`hubDiscussionsDisabled\`).

---

\`${repoId(repo)}\` 的模型卡没有写明与权重相符的基础模型。从权重看，本站先前已有的模型中最接近的是 \`${parent}\`（\`${relation}\`，把握 ${score.toFixed(2)}）。

如果确实如此，请在模型卡中写上 \`base_model: ${parent}\`，本讨论会自动关闭。如果二者都来自本站没有的另一个模型，请写上那个模型。您也可以直接关闭本讨论，或在仓库设置中关闭此类消息（\`hubDiscussionsDisabled\`）。`,
  }
}

/** Titles have a limit. */
function short(name: string): string {
  return name.length > 120 ? `${name.slice(0, 119)}…` : name
}

function table({ measures, agree, disagree }: Evidence): string {
  const lines = measures.map(
    ({ measure, value, threshold }) => `| ${measure} | ${value.toPrecision(3)} | ${threshold ?? ''} |`,
  )
  return `
| measure 指标 | value 数值 | threshold 阈值 |
| --- | --- | --- |
${lines.join('\n')}
| tensors that agree 相符的张量 | ${agree} | |
| tensors that do not 不符的张量 | ${disagree} | |
`
}
