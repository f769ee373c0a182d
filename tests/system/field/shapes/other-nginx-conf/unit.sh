#!/bin/sh
# The unit as somebody has it who keeps Nginx's configuration elsewhere.
set -e
mkdir -p /srv/nginx /etc/systemd/system/nginx.service.d
cat > /srv/nginx/nginx.conf <<'END'
user www-data;
pid /run/nginx-own.pid;
error_log /var/log/nginx/error.log;
events { }
http {
    access_log off;
    include /etc/nginx/conf.d/*.conf;
}
END
cat > /etc/systemd/system/nginx.service.d/field.conf <<'END'
[Service]
PIDFile=/run/nginx-own.pid
ExecStartPre=
ExecStart=
ExecStart=/usr/sbin/nginx -c /srv/nginx/nginx.conf -g 'daemon on; master_process on;'
ExecReload=
ExecReload=/usr/sbin/nginx -c /srv/nginx/nginx.conf -s reload
ExecStop=
END
printf 'upstream shop {\n    server 127.0.0.1:18001;\n}\n' > /etc/nginx/conf.d/bluegreen-shop.conf
systemctl stop nginx
rm -f /run/nginx.pid
systemctl daemon-reload
systemctl start nginx
