/** The guide's chapters are plain Markdown; this is the part of it that they use. */

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const escaped = (text: string): string => text.replace(/[&<>"]/g, (char) => ESCAPES[char] ?? char)

/** A link to a chapter stays on the page; one to another file of the repository is only text. */
function link(text: string, target: string): string {
  const chapter = /^(?:\.\/)?(\d\d-[a-z-]+)\.md/.exec(target)?.[1]
  if (chapter !== undefined) return `<a href="#chapter=${chapter}">${text}</a>`
  if (/^https?:/.test(target)) return `<a href="${target}" rel="noopener" target="_blank">${text}</a>`
  return `<span class="file-link" title="${target}">${text}</span>`
}

function inline(source: string): string {
  return source
    .split(/(`[^`]+`)/)
    .map((part) =>
      part.startsWith('`') && part.length > 1
        ? `<code>${escaped(part.slice(1, -1))}</code>`
        : escaped(part)
            .replace(/\[([^\]]+)\]\(([^)\s]+)\)/g, (_, text: string, target: string) => link(text, target))
            .replace(/\*\*([^*]+)\*\*/g, '<strong>$1</strong>')
            .replace(/(^|[\s(])[*_]([^*_]+)[*_](?=[\s).,:;?!]|$)/g, '$1<em>$2</em>'),
    )
    .join('')
}

const cells = (row: string): string[] =>
  row
    .trim()
    .replace(/^\||\|$/g, '')
    .split('|')
    .map((cell) => cell.trim())

function table(rows: readonly string[]): string {
  const [head = '', , ...body] = rows
  const line = (row: string, tag: string) =>
    `<tr>${cells(row)
      .map((cell) => `<${tag}>${inline(cell)}</${tag}>`)
      .join('')}</tr>`
  return `<div class="table"><table><thead>${line(head, 'th')}</thead><tbody>${body.map((row) => line(row, 'td')).join('')}</tbody></table></div>`
}

const ITEM = /^(?:[-*]|\d+[.)])\s+/

function list(lines: readonly string[]): string {
  const items: string[] = []
  for (const line of lines) {
    if (ITEM.test(line)) items.push(line.replace(ITEM, ''))
    else items.push(`${items.pop() ?? ''} ${line.trim()}`)
  }
  const tag = /^\d/.test(lines[0] ?? '') ? 'ol' : 'ul'
  return `<${tag}>${items.map((item) => `<li>${inline(item)}</li>`).join('')}</${tag}>`
}

function block(lines: readonly string[]): string {
  const first = lines[0] ?? ''
  const heading = /^(#{1,4})\s+(.*)/.exec(first)
  if (heading !== null) {
    const level = Math.min(5, (heading[1]?.length ?? 1) + 1)
    const rest = lines.length > 1 ? block(lines.slice(1)) : ''
    return `<h${level}>${inline(heading[2] ?? '')}</h${level}>${rest}`
  }
  if (/^<\/?(details|summary)\b[^>]*>/.test(first)) return details(lines)
  if (first.includes('|') && /^\s*\|?[\s:|-]+\|?\s*$/.test(lines[1] ?? '')) return table(lines)
  if (ITEM.test(first)) return list(lines)
  if (first.startsWith('>'))
    return `<blockquote>${block(lines.map((line) => line.replace(/^>\s?/, '')))}</blockquote>`
  if (/^(-{3,}|\*{3,})$/.test(first)) return '<hr>'
  const item = lines.findIndex((line, i) => i > 0 && ITEM.test(line))
  if (item > 0) return `<p>${inline(lines.slice(0, item).join(' '))}</p>${list(lines.slice(item))}`
  return `<p>${inline(lines.join(' '))}</p>`
}

/** Hidden solutions: the only tags that a chapter may hold. */
function details(lines: readonly string[]): string {
  return lines
    .map((line) => {
      const summary = /^(<details>)?\s*<summary>(.*)<\/summary>\s*(.*)$/.exec(line)
      if (summary !== null)
        return `${summary[1] ?? ''}<summary>${inline(summary[2] ?? '')}</summary>${inline(summary[3] ?? '')}`
      return line === '<details>' || line === '</details>' ? line : inline(line)
    })
    .join('\n')
}

/** Blocks are apart by an empty line; fenced code may hold some. */
export function markdown(text: string): string {
  const html: string[] = []
  let lines: string[] = []
  let fence: string[] | null = null
  const flush = () => {
    if (lines.length > 0) html.push(block(lines))
    lines = []
  }
  for (const line of text.split('\n')) {
    if (line.startsWith('```')) {
      if (fence === null) {
        flush()
        fence = []
      } else {
        html.push(`<pre><code>${escaped(fence.join('\n'))}</code></pre>`)
        fence = null
      }
    } else if (fence !== null) fence.push(line)
    else if (line.trim() === '' || line.startsWith('<!--')) flush()
    else if (line === '</details>') {
      flush()
      html.push(line)
    } else lines.push(line)
  }
  flush()
  return html.join('\n')
}
