// npm oauth2-mock-server on 127.0.0.1; how it misbehaves is in the name of the client that asks.
import { OAuth2Server } from 'oauth2-mock-server'

const server = new OAuth2Server()
await server.issuer.keys.generate('RS256')
await server.start(0, '127.0.0.1')
server.issuer.url = `http://127.0.0.1:${server.address().port}`
server.service.on('beforeResponse', (response, request) => {
  const basic = Buffer.from((request.headers.authorization ?? '').replace('Basic ', ''), 'base64').toString()
  const name = decodeURIComponent(basic.split(':')[0])
  if (name === 'no-lifetime') delete response.body.expires_in
  if (name === 'no-refresh') delete response.body.refresh_token
  if (name === 'away') [response.statusCode, response.body] = [503, {}]
  if (name === 'refused') [response.statusCode, response.body] = [400, { error: 'invalid_grant' }]
  if (name === 'empty') response.body = {}
  if (name === 'mac') response.body.token_type = 'mac'
  if (name === 'foreign-nonce') response.body.id_token = 'e30.' + Buffer.from('{"nonce":"x"}').toString('base64url') + '.'
  if (name === 'lost') request.socket.destroy()
})
console.log(server.issuer.url)
