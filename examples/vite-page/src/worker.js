import { FastMap } from 'threadmap'

self.onmessage = ({ data: { words, line } }) => {
  const map = FastMap.attach(words)
  for (const word of line.split(' ')) map.add(word, 1)
  self.postMessage('done')
}
