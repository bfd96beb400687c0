import re
t=open("/tmp/w/c/docs/guides/write-a-cell.md").read()
ns={}
for b in re.findall(r"^```python\n(.*?)^```", t, flags=re.S|re.M):
    exec(compile(b,"guide","exec"), ns)
