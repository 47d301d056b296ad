# Lays out WordPress without what is of no use here: links to other packages, what installs or updates, what calls others.
set -eu
site=/out/srv/wordpress
notes=/var/lib/dpkg/status.d

# A link to certificates that a maintainer script would make; requests to other sites are off.
rm /usr/share/wordpress/wp-includes/certificates/ca-bundle.crt
mkdir -p /out/srv "/out$notes"
cp -R -L /usr/share/wordpress "$site"

rm -r "$site/wp-content/plugins/akismet"
rm "$site/.htaccess" "$site/readme.html" "$site/wp-config.php" "$site/wp-config-sample.php" \
    "$site/wp-admin/setup-config.php" "$site/xmlrpc.php"

for package in wordpress wordpress-theme-twentytwentythree php-getid3 libjs-cropper libjs-underscore; do
    cp "$notes/$package" "/out$notes/"
done
