<table class="table">
  <tr><th>Name</th><td>{$resellflow.name|escape}</td></tr>
  <tr><th>Status</th><td>{$resellflow.status|escape}</td></tr>
  <tr><th>Address</th><td>{$resellflow.ip|escape}</td></tr>
  <tr><th>Paid until</th><td>{$resellflow.expires_on|escape}</td></tr>
</table>
