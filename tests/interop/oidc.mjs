// A certified OpenID provider (npm oidc-provider) on 127.0.0.1: refresh tokens rotate, reuse ends the family, PKCE is required.
import http from 'node:http'
import { Provider } from 'oidc-provider'

const server = http.createServer()
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: process.argv[2],
        client_secret: process.argv[3],
        redirect_uris: [process.argv[4]],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'client_secret_basic',
      },
    ],
    scopes: ['openid', 'offline_access', ...process.argv.slice(5)],
    pkce: { required: () => true },
    rotateRefreshToken: true,
    issueRefreshToken: async () => true,
    features: { revocation: { enabled: true }, devInteractions: { enabled: true } },
    cookies: { keys: ['a key of a test'] },
    ttl: { AccessToken: 3600, AuthorizationCode: 60, RefreshToken: 86400, Grant: 86400, Interaction: 600, Session: 600, IdToken: 600 },
  })
  server.on('request', provider.callback())
  console.log(issuer)
})
