import { FastMap } from 'threadmap'

self.onmessage = ({ data: { handle, endless } }) => {
  const map = FastMap.attach(handle)
  for (let i = 0; i < 1000; i++) map.add('hits', 1)
  let error = ''
  try {
    map.set('hits', 'text')
  } catch (caught) {
    error = caught.name
  }
  self.postMessage(error)
  while (endless) map.set('loop', Math.random())
}
